import { isJsonObject, type JsonObject } from './json.ts';
import { once } from './once.ts';
import { MAX_DEPTH, TooMuchWork, type Work } from './work.ts';

/** What looks at a value as a whole and not at one place in it; each spends as much as there is to look at. */

/** A member of a large object takes 80 to 170 ns to list. @throws TooMuchWork */
export function namesOf(work: Work, value: JsonObject): readonly string[] {
  const names = Object.keys(value);
  work.spend(names.length);
  return names;
}

const namesOfOperand = once((operand: JsonObject): readonly string[] => Object.keys(operand));

/** Whether a value is the one that a schema has. Goes no further than the first difference. @throws TooMuchWork */
export function isSame(work: Work, wanted: unknown, value: unknown): boolean {
  work.spend(1);
  if (typeof wanted === 'string') {
    if (typeof value !== 'string' || value.length !== wanted.length) return false;
    work.compare(value);
    return value === wanted;
  }
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return false;
    return wanted.every((item, n) => isSame(work, item, value[n]));
  }
  if (!isJsonObject(wanted) || !isJsonObject(value)) return value === wanted;
  const names = namesOfOperand(wanted);
  if (!names.every((name) => Object.hasOwn(value, name) && isSame(work, wanted[name], value[name]))) return false;
  return namesOf(work, value).length === names.length;
}

/** A text that equal values share, and only they. @throws TooMuchWork */
export function canonical(work: Work, value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new TooMuchWork();
  work.spend(1);
  if (typeof value === 'string') return quoted(work, value);
  if (Array.isArray(value))
    return joined(
      work,
      '[',
      value.map((each) => canonical(work, each, depth + 1)),
      ']',
    );
  if (!isJsonObject(value)) return JSON.stringify(value);
  const names = [...namesOf(work, value)];
  // Measured at 10 to 20 ns a comparison.
  work.spend((names.length * Math.ceil(Math.log2(names.length + 1))) >> 2);
  const members = names.sort().map((name) => `${quoted(work, name)}:${canonical(work, value[name], depth + 1)}`);
  return joined(work, '{', members, '}');
}

function quoted(work: Work, text: string): string {
  work.walk(text);
  return JSON.stringify(text);
}

/** What lies deep is copied at every level. */
function joined(work: Work, open: string, parts: readonly string[], close: string): string {
  const text = `${open}${parts.join()}${close}`;
  work.compare(text);
  return text;
}

/** In characters: half a surrogate pair is none. @throws TooMuchWork */
export function lengthOf(work: Work, text: string): number {
  work.walk(text);
  let length = 0;
  for (const _ of text) length++;
  return length;
}
