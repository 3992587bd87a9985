import { randomInt, randomUUID } from 'node:crypto';

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

const SEQUENCES = Array.from({ length: 0x1000 }, (_, n) => n.toString(16).padStart(3, '0'));
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const DIGIT = new Map(
  [...ALPHABET].flatMap((char, value) => [
    [char, BigInt(value)],
    [char.toLowerCase(), BigInt(value)],
  ]),
);

let lastMillisecond = 0;
/** An id's text as far as the millisecond decides it. */
let head = '';
let sequence = 0;

/** A new id; ids of one process strictly increase, whatever its clock does, up to 4,096 in a millisecond. */
export function newId(now: number = Date.now()): Uuid {
  if (now > lastMillisecond) begin(now);
  // A full millisecond, or a clock that was stepped back: borrow from the future rather than repeat.
  else if (++sequence > 0xfff) begin(lastMillisecond + 1);
  return `${head}${SEQUENCES[sequence]}${randomTail()}` as Uuid;
}

function begin(millisecond: number): void {
  lastMillisecond = millisecond;
  // Starts low enough that a burst seldom overflows into the next millisecond.
  sequence = randomInt(256);
  head = `${firstIdAt(millisecond).slice(0, 14)}7`;
}

/** A new delivery id inside its message's range (see above). */
export function newDeliveryId(message: Uuid): Uuid {
  return `${message.slice(0, 18)}${randomTail().slice(0, 15)}000` as Uuid;
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
  let text = `${prefix}_`;
  // 128 bits are 26 digits of 5 bits with 2 to spare at the front.
  let bits = 0;
  let held = 2;
  for (let at = 0; at < 36; at++) {
    const code = id.charCodeAt(at);
    if (code === HYPHEN) continue;
    bits = (bits << 4) | nibble(code);
    held += 4;
    if (held < 5) continue;
    held -= 5;
    text += ALPHABET[bits >> held];
    bits &= (1 << held) - 1;
  }
  return text;
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

const HYPHEN = 45;

function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** The last two groups of a UUID: variant and 62 random bits. Of version 4, since nothing makes random text cheaper. */
function randomTail(): string {
  return randomUUID().slice(18);
}
