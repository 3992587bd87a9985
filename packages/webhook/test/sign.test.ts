import { expect, it } from 'vitest';
import { decodeSecret, generateSecret, sign, signatureHeader, verify } from '../src/index.ts';
import { vector } from './vector.ts';

it('signs the published vector to the published signature', () => {
  expect(sign(decodeSecret(vector.secret), vector.id, vector.timestamp, vector.body)).toBe(vector.signature);
});

it('signs text and its bytes alike', () => {
  const key = decodeSecret(generateSecret());
  const body = '{"name":"Zoë 🐢"}';
  expect(sign(key, 'msg_1', 1, Buffer.from(body))).toBe(sign(key, 'msg_1', 1, body));
});

it('signs bytes that are not UTF-8 as they are', () => {
  const key = decodeSecret(generateSecret());
  expect(sign(key, 'msg_1', 1, Uint8Array.of(0xff))).not.toBe(sign(key, 'msg_1', 1, Uint8Array.of(0xfe)));
});

it('writes one signature a key, so that either secret of a rotation verifies', () => {
  const [before, after] = [generateSecret(), generateSecret()];
  const header = signatureHeader([decodeSecret(after), decodeSecret(before)], vector.id, vector.timestamp, vector.body);
  expect(header).toMatch(/^v1,\S{44} v1,\S{44}$/);
  const headers = {
    'webhook-id': vector.id,
    'webhook-timestamp': String(vector.timestamp),
    'webhook-signature': header,
  };
  for (const secret of [before, after]) {
    expect(verify(vector.body, headers, secret, { now: vector.timestamp }).id).toBe(vector.id);
  }
});
