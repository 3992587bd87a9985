// DER, the encoding of certificates: tag, length, value. Only what a certificate of ours needs.

function encode(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const length = content.length.toString(16);
  const bytes = Buffer.from(length.length % 2 ? `0${length}` : length, 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length), bytes, content]);
}

export const sequence = (...parts: readonly Uint8Array[]) => encode(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]) => encode(0x31, ...parts);
export const octets = (content: Uint8Array) => encode(0x04, content);
export const bits = (content: Uint8Array, unused = 0) => encode(0x03, Buffer.of(unused), content);
export const text = (content: string) => encode(0x0c, Buffer.from(content));
export const yes = () => encode(0x01, Buffer.of(0xff));
/** `[number]` around whole elements. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]) => encode(0xa0 | number, ...parts);
/** `[number]` in place of an element's own tag. */
export const implicit = (number: number, content: Uint8Array) => encode(0x80 | number, content);

/** Positive, whatever its first bit: the bytes are of a number and not of two's complement. */
export function integer(bytes: Uint8Array): Buffer {
  return encode(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** UTCTime, which has two digits for the year and means 1950 to 2049 by them. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return encode(0x17, Buffer.from(`${digits}Z`));
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return encode(0x06, Buffer.from(bytes));
}
