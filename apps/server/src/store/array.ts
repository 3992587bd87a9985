/**
 * Arrays as parameters of a statement. `pg` would build each one's text element by element, quoting and escaping all of
 * them, which was a fifth of what accepting and recording cost this process; the server would then take it apart
 * character by character.
 */

/** For uuid[], integer[], float8[], boolean[] and words of ours: what needs no quotes. */
export function plainArray<T>(items: readonly T[], of: (item: T) => string | number | boolean | null): string {
  return `{${items.map((item) => of(item) ?? 'NULL').join()}}`;
}

const HEAD = 20;
/** `pg_type.oid` of text. */
const TEXT = 25;

/** For text[] with anything in it: PostgreSQL's binary form (src/backend/utils/adt/arrayfuncs.c, array_recv). */
export function textArray<T>(items: readonly T[], of: (item: T) => string | null): Buffer {
  const texts = items.map(of);
  let size = HEAD;
  for (const text of texts) size += 4 + (text === null ? 0 : Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(size);
  // One dimension (none where it is empty), may hold nulls, of texts; so many, counted from 1.
  bytes.writeInt32BE(texts.length > 0 ? 1 : 0, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(TEXT, 8);
  if (texts.length === 0) return bytes.subarray(0, 12);
  bytes.writeInt32BE(texts.length, 12);
  bytes.writeInt32BE(1, 16);
  let at = HEAD;
  for (const text of texts) {
    const length = text === null ? -1 : bytes.write(text, at + 4);
    bytes.writeInt32BE(length, at);
    at += 4 + Math.max(0, length);
  }
  return bytes;
}
