import { randomFillSync } from 'node:crypto';

/**
 * Ids are UUIDv7 in the database and `prefix_` + 26 characters of Crockford base32 in public, so both sort by time.
 * Three things are read off an id instead of being stored beside it:
 *
 * - when: the first 48 bits are milliseconds since 1970;
 * - a delivery's message: a delivery id repeats the first 64 bits of its message's id (time and sequence), so the
 *   deliveries of a message are one short range of the primary key, in the message's own partition, with no index;
 * - an attempt: a delivery id ends in 12 zero bits, in which the attempt's id carries its number (1-4095).
 */

declare const brand: unique symbol;

/** A UUID in its 36-character lower-case form, as the database holds it. */
export type Uuid = string & { readonly [brand]: 'uuid' };

export type IdPrefix =
  | 'org'
  | 'env'
  | 'key'
  | 'app'
  | 'ep'
  | 'msg'
  | 'dlv'
  | 'att'
  | 'evt'
  | 'rt'
  | 'src'
  | 'rej'
  | 'job'
  | 'aud'
  | 'pts';

/** How many attempts one delivery can number: 12 bits. */
export const MAX_ATTEMPT_NUMBER = 0xfff;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const DIGIT = new Map(
  [...ALPHABET].flatMap((char, value) => [
    [char, BigInt(value)],
    [char.toLowerCase(), BigInt(value)],
  ]),
);

// One call into the operating system buys the randomness of 512 ids.
const pool = new Uint8Array(4096);
let poolAt = pool.length;
let lastMillisecond = 0;
let sequence = 0;

/** A new id; ids of one process strictly increase, whatever its clock does, up to 4,096 in a millisecond. */
export function newId(now: number = Date.now()): Uuid {
  if (now > lastMillisecond) {
    lastMillisecond = now;
    // Starts low enough that a burst seldom overflows into the next millisecond.
    sequence = randomByte();
  } else if (++sequence > 0xfff) {
    // A full millisecond, or a clock that was stepped back: borrow from the future rather than repeat.
    lastMillisecond += 1;
    sequence = randomByte();
  }
  const time = lastMillisecond.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${randomTail()}` as Uuid;
}

/** A new delivery id inside its message's range (see above). */
export function newDeliveryId(message: Uuid): Uuid {
  return `${message.slice(0, 19)}${randomTail().slice(0, 14)}000` as Uuid;
}

/** The first and last delivery id that a message's deliveries can have. */
export function deliveryRange(message: Uuid): readonly [Uuid, Uuid] {
  const head = message.slice(0, 19);
  return [`${head}8000-000000000000` as Uuid, `${head}bfff-ffffffffffff` as Uuid];
}

/** The id of attempt `number` (1-4095) of a delivery. */
export function attemptId(delivery: Uuid, number: number): Uuid {
  return (delivery.slice(0, 33) + number.toString(16).padStart(3, '0')) as Uuid;
}

/** When an id was made, in milliseconds since 1970. */
export function timeOf(id: Uuid): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The smallest id of a millisecond: the bound of a time filter or a partition. */
export function firstIdAt(millisecond: number): Uuid {
  const time = Math.max(0, Math.min(millisecond, 0xffff_ffff_ffff)).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000` as Uuid;
}

/** `msg_01JX9…` of a UUID. */
export function publicId(prefix: IdPrefix, id: Uuid): string {
  let text = '';
  // 128 bits are 26 digits of 5 bits with 2 to spare at the front; two halves stay inside what a number can shift.
  for (let at = 0; at < 26; at++) text += ALPHABET[fiveBits(id, at)];
  return `${prefix}_${text}`;
}

/** The UUID of `msg_01JX9…`, or null where the text is not an id of that prefix. Case does not matter. */
export function parseId(prefix: IdPrefix, text: string): Uuid | null {
  if (text.length !== prefix.length + 27 || !text.startsWith(`${prefix}_`)) return null;
  let value = 0n;
  for (let at = prefix.length + 1; at < text.length; at++) {
    const digit = DIGIT.get(text[at] ?? '');
    if (digit === undefined) return null;
    value = (value << 5n) | digit;
  }
  if (value >> 128n !== 0n) return null;
  const hex = value.toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Uuid;
}

// Where nibble n (0-31) of a UUID stands in its text, past the hyphens.
const NIBBLE_AT = Array.from(
  { length: 32 },
  (_, n) => n + (n >= 8 ? 1 : 0) + (n >= 12 ? 1 : 0) + (n >= 16 ? 1 : 0) + (n >= 20 ? 1 : 0),
);

function fiveBits(id: Uuid, digit: number): number {
  // Digit d covers bits [5d-2, 5d+3) of the 128; the first two bits of digit 0 are the padding.
  const end = 5 * digit + 3;
  let value = 0;
  for (let bit = Math.max(0, end - 5); bit < end; bit++) {
    value = (value << 1) | ((nibble(id.charCodeAt(NIBBLE_AT[bit >> 2] ?? 0)) >> (3 - (bit & 3))) & 1);
  }
  return value;
}

function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

function randomByte(): number {
  if (poolAt >= pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  return pool[poolAt++] ?? 0;
}

/** The last two groups of a UUID: variant and 62 random bits. */
function randomTail(): string {
  if (poolAt + 8 > pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  let tail = HEX[((pool[poolAt] ?? 0) & 0x3f) | 0x80] ?? '';
  for (let n = 1; n < 8; n++) {
    if (n === 2) tail += '-';
    tail += HEX[pool[poolAt + n] ?? 0];
  }
  poolAt += 8;
  return tail;
}
