import { createHmac } from 'node:crypto';

/** The base64 HMAC-SHA256 of `id.timestamp.body`, without its version. */
export function digest(key: Uint8Array, id: string, timestamp: number, body: string | Uint8Array): string {
  // Two updates rather than one joined buffer: the body, which may be hundreds of kilobytes, is never copied.
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
}

/**
 * The Standard Webhooks signature `v1,<base64>` of a message.
 *
 * `key` comes from `decodeSecret`, once and not per message; `timestamp` is in whole Unix seconds; `body` is what goes
 * over the wire, byte for byte. `id` holds no full stop: the signed text is joined with them.
 */
export function sign(key: Uint8Array, id: string, timestamp: number, body: string | Uint8Array): string {
  return `v1,${digest(key, id, timestamp, body)}`;
}

/** The whole `webhook-signature` header: one signature a key, so that both secrets of a rotation verify. */
export function signatureHeader(
  keys: readonly Uint8Array[],
  id: string,
  timestamp: number,
  body: string | Uint8Array,
): string {
  let header = '';
  for (const key of keys)
    header += header === '' ? sign(key, id, timestamp, body) : ` ${sign(key, id, timestamp, body)}`;
  return header;
}
