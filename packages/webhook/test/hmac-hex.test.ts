import { describe, expect, it } from 'vitest';
import { generateSecret, signHmacHex, verifyHmacHex, type WebhookVerificationErrorCode } from '../src/index.ts';
import { vector } from './vector.ts';

const now = vector.timestamp;
const headers = { 'x-postrider-timestamp': String(now), 'x-postrider-signature': vector.hmacHex };

it('signs the vector as it is written down, with the secret as it is shown for a key', () => {
  expect(signHmacHex(vector.secret, vector.timestamp, vector.body)).toBe(vector.hmacHex);
  expect(signHmacHex(vector.secret, vector.timestamp, Buffer.from(vector.body))).toBe(vector.hmacHex);
  expect(signHmacHex(vector.secret.slice('whsec_'.length), now, vector.body)).not.toBe(vector.hmacHex);
});

describe('a genuine request', () => {
  it('verifies, under the brand’s names or any others', () => {
    expect(verifyHmacHex(vector.body, headers, vector.secret, { now })).toEqual({ timestamp: now });
    const acme = { 'X-Acme-Timestamp': String(now), 'X-Acme-Signature': vector.hmacHex };
    expect(verifyHmacHex(vector.body, new Headers(acme), vector.secret, { now, brand: 'Acme' }).timestamp).toBe(now);
    const named = { 'x-acme-timestamp': String(now), 'x-sign': vector.hmacHex };
    const options = { now, brand: 'Acme', headers: { signature: 'X-Sign' } };
    expect(verifyHmacHex(vector.body, named, vector.secret, options).timestamp).toBe(now);
  });

  it.each([',', ', '])('verifies with either secret of a rotation, signatures joined by %j', (joint) => {
    const old = generateSecret();
    const both = [vector.hmacHex, signHmacHex(old, now, vector.body)].join(joint);
    for (const secret of [vector.secret, old, [generateSecret(), old]]) {
      const rotating = { ...headers, 'x-postrider-signature': both };
      expect(verifyHmacHex(vector.body, rotating, secret, { now }).timestamp).toBe(now);
    }
  });
});

describe('a request that was tampered with', () => {
  const changed = (name: string, value: string | string[] | undefined) => ({ ...headers, [name]: value });
  it.each<[string, Record<string, string | string[] | undefined>, string, WebhookVerificationErrorCode]>([
    ['another body', headers, `${vector.body} `, 'no_matching_signature'],
    ['another time', changed('x-postrider-timestamp', String(now + 1)), vector.body, 'no_matching_signature'],
    ['an old time', changed('x-postrider-timestamp', String(now - 301)), vector.body, 'timestamp_too_old'],
    ['a time to come', changed('x-postrider-timestamp', String(now + 301)), vector.body, 'timestamp_too_new'],
    ['no number', changed('x-postrider-timestamp', '1e9'), vector.body, 'invalid_timestamp'],
    ['no time', changed('x-postrider-timestamp', undefined), vector.body, 'missing_header'],
    ['no signature', changed('x-postrider-signature', undefined), vector.body, 'missing_header'],
    ['two lines', changed('x-postrider-signature', [vector.hmacHex, 'x']), vector.body, 'repeated_header'],
    [
      'a cut signature',
      changed('x-postrider-signature', vector.hmacHex.slice(2)),
      vector.body,
      'no_matching_signature',
    ],
    ['a comma', changed('x-postrider-signature', ','), vector.body, 'no_matching_signature'],
  ])('with %s is refused', (_, given, body, code) => {
    expect(() => verifyHmacHex(body, given, vector.secret, { now })).toThrow(expect.objectContaining({ code }));
  });

  it.each([[[]], [''], [[vector.secret, '']]])('is not waved through for want of a secret (%#)', (secret) => {
    expect(() => verifyHmacHex(vector.body, headers, secret, { now })).toThrow(
      expect.objectContaining({ code: 'no_secret' }),
    );
  });
});
