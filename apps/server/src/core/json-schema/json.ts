/** JSON values as JSON Schema sees them. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type JsonType = 'null' | 'boolean' | 'number' | 'string' | 'array' | 'object';

export function typeOf(value: unknown): JsonType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value as JsonType;
}

/** The same JSON value: the order of members does not count. As deep as the shallower of the two, on the stack. */
export function equalJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, n) => equalJson(item, b[n]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equalJson(a[name], b[name]))
  );
}

/** True where nothing lies deeper than so many arrays and objects. Needs no stack of its own. */
export function isWithinDepth(value: unknown, most: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return false;
    level = level
      .flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []))
      .filter((each) => typeof each === 'object' && each !== null);
  }
  return true;
}

/** A step of a JSON pointer (RFC 6901). Shortened: somebody else chose it, and could have it echoed by the megabyte. */
export function pointerStep(name: string | number): string {
  return `/${String(name).slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What is wrong, and where: `path` is a JSON pointer from the value that was looked at. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}
