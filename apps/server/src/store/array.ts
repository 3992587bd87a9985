import type { Uuid } from '../core/ids.ts';

/**
 * Arrays as parameters of a statement, in PostgreSQL's binary form (src/backend/utils/adt/arrayfuncs.c, array_recv).
 * `pg` would build each one's text element by element, quoting and escaping all of them, which was a fifth of what
 * accepting and recording cost this process; the server would then take it apart character by character.
 */

/** Oid, dimension or none, whether it may hold nulls, and the one dimension: its length, counted from 1. */
const HEAD = 20;

/** `pg_type.oid` of the elements. */
const BOOLEAN = 16;
const INTEGER = 23;
const TEXT = 25;
const FLOAT8 = 701;
const TIMESTAMPTZ = 1184;
const UUID = 2950;

/** For text[] with anything in it. */
export function textArray<T>(items: readonly T[], of: (item: T) => string | null): Buffer {
  const texts = items.map(of);
  let size = HEAD;
  for (const text of texts) size += 4 + (text === null ? 0 : Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(size);
  let at = writeHead(bytes, TEXT, texts.length);
  for (const text of texts) {
    const length = text === null ? -1 : bytes.write(text, at + 4);
    bytes.writeInt32BE(length, at);
    at += 4 + Math.max(0, length);
  }
  return bytes.subarray(0, at);
}

/** For uuid[]. */
export function uuidArray<T>(items: readonly T[], of: (item: T) => Uuid | null): Buffer {
  return fixedArray(UUID, 16, items, of, writeUuid);
}

/** For integer[]. */
export function integerArray<T>(items: readonly T[], of: (item: T) => number | null): Buffer {
  return fixedArray(INTEGER, 4, items, of, (bytes, at, value) => bytes.writeInt32BE(value, at));
}

/** For float8[]. */
export function floatArray<T>(items: readonly T[], of: (item: T) => number | null): Buffer {
  return fixedArray(FLOAT8, 8, items, of, (bytes, at, value) => bytes.writeDoubleBE(value, at));
}

/** For timestamptz[], to the millisecond. */
export function timeArray<T>(items: readonly T[], of: (item: T) => Date | null): Buffer {
  return fixedArray(TIMESTAMPTZ, 8, items, of, (bytes, at, time) => {
    bytes.writeBigInt64BE(BigInt(time.getTime() - YEAR_2000) * 1000n, at);
  });
}

/** For boolean[]. */
export function booleanArray<T>(items: readonly T[], of: (item: T) => boolean | null): Buffer {
  return fixedArray(BOOLEAN, 1, items, of, (bytes, at, value) => bytes.writeUInt8(value ? 1 : 0, at));
}

/** Elements that all have the same size. */
function fixedArray<T, Value>(
  type: number,
  size: number,
  items: readonly T[],
  of: (item: T) => Value | null,
  write: (bytes: Buffer, at: number, value: Value) => void,
): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD + items.length * (4 + size));
  let at = writeHead(bytes, type, items.length);
  for (const item of items) {
    const value = of(item);
    bytes.writeInt32BE(value === null ? -1 : size, at);
    at += 4;
    if (value === null) continue;
    write(bytes, at, value);
    at += size;
  }
  return bytes.subarray(0, at);
}

/** @returns where the elements begin. An empty array has no dimension. */
function writeHead(bytes: Buffer, type: number, length: number): number {
  bytes.writeInt32BE(length > 0 ? 1 : 0, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(type, 8);
  if (length === 0) return 12;
  bytes.writeInt32BE(length, 12);
  bytes.writeInt32BE(1, 16);
  return HEAD;
}

/** Where PostgreSQL counts from, in microseconds. */
const YEAR_2000 = Date.UTC(2000, 0);

const HYPHEN = 45;

function writeUuid(bytes: Buffer, at: number, uuid: Uuid): void {
  for (let from = 0, to = at; from < uuid.length; from += 2) {
    if (uuid.charCodeAt(from) === HYPHEN) from++;
    bytes[to++] = (nibble(uuid.charCodeAt(from)) << 4) | nibble(uuid.charCodeAt(from + 1));
  }
}

/** Of a digit or a lower-case letter, which is how ids are written (core/ids.ts). */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
