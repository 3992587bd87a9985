/** Works something out of a part of a schema once, however many values are held against it. */
export function once<Part extends object, Result extends object>(
  workOut: (part: Part) => Result,
): (part: Part) => Result {
  const known = new WeakMap<Part, Result>();
  return (part) => {
    const before = known.get(part);
    if (before) return before;
    const result = workOut(part);
    known.set(part, result);
    return result;
  };
}
