import { describe, expect, it } from 'vitest';
import {
  decodeSecret,
  generateSecret,
  type HeaderSource,
  sign,
  verify,
  WebhookSecretError,
  type WebhookVerificationErrorCode,
} from '../src/index.ts';
import { vector, vectorHeaders } from './vector.ts';

const now = vector.timestamp;
const check = (headers: HeaderSource, body: string | Uint8Array = vector.body) =>
  verify(body, headers, vector.secret, { now });
const verified = { id: vector.id, timestamp: vector.timestamp };

describe('a genuine request', () => {
  it.each<[string, HeaderSource]>([
    ['lower-case names', vectorHeaders],
    ['mixed-case names', Object.fromEntries(Object.entries(vectorHeaders).map(([k, v]) => [k.toUpperCase(), v]))],
    ['lists of one value', Object.fromEntries(Object.entries(vectorHeaders).map(([k, v]) => [k, [v]]))],
    ['a Headers object', new Headers(vectorHeaders)],
    ['a header named get', { ...vectorHeaders, get: 'x' }],
  ])('verifies with %s', (_, headers) => expect(check(headers)).toEqual(verified));

  it('verifies as bytes', () => expect(check(vectorHeaders, Buffer.from(vector.body))).toEqual(verified));

  it('verifies among other signatures and versions it does not know', () => {
    const signature = `v1a,AAAA v2,BBBB v1,AAAA v1 ${vector.signature} v1,`;
    expect(check({ ...vectorHeaders, 'webhook-signature': signature })).toEqual(verified);
  });

  it.each([
    ['bare base64', vector.secret.slice('whsec_'.length)],
    ['the decoded key', decodeSecret(vector.secret)],
    ['the second of two', [generateSecret(), vector.secret]],
  ])('verifies with the secret as %s', (_, secret) => {
    expect(verify(vector.body, vectorHeaders, secret, { now })).toEqual(verified);
  });
});

describe('a request that was tampered with', () => {
  const changed = (name: string, value: string | string[] | undefined) => ({ ...vectorHeaders, [name]: value });
  it.each<[string, HeaderSource, string, WebhookVerificationErrorCode]>([
    ['another body', vectorHeaders, `${vector.body} `, 'no_matching_signature'],
    ['no body', vectorHeaders, '', 'no_matching_signature'],
    ['another id', changed('webhook-id', 'msg_other'), vector.body, 'no_matching_signature'],
    ['another timestamp', changed('webhook-timestamp', String(now + 1)), vector.body, 'no_matching_signature'],
    ['no id', changed('webhook-id', undefined), vector.body, 'missing_header'],
    ['an empty id', changed('webhook-id', ''), vector.body, 'missing_header'],
    ['no timestamp', changed('webhook-timestamp', undefined), vector.body, 'missing_header'],
    ['no signature', changed('webhook-signature', undefined), vector.body, 'missing_header'],
    ['an empty list', changed('webhook-signature', []), vector.body, 'missing_header'],
    ['a list of nothing', changed('webhook-id', ['']), vector.body, 'missing_header'],
    ['two ids', changed('webhook-id', [vector.id, 'msg_other']), vector.body, 'repeated_header'],
    ['no headers at all', new Headers(), vector.body, 'missing_header'],
    [
      'a signature without version',
      changed('webhook-signature', vector.signature.slice(3)),
      vector.body,
      'no_matching_signature',
    ],
    [
      'another version',
      changed('webhook-signature', `v2${vector.signature.slice(2)}`),
      vector.body,
      'no_matching_signature',
    ],
    [
      'a cut signature',
      changed('webhook-signature', vector.signature.slice(0, -1)),
      vector.body,
      'no_matching_signature',
    ],
    ['a longer signature', changed('webhook-signature', `${vector.signature}=`), vector.body, 'no_matching_signature'],
    ['an empty signature', changed('webhook-signature', 'v1,'), vector.body, 'no_matching_signature'],
    [
      'signatures joined by commas',
      changed('webhook-signature', `v1,A,${vector.signature}`),
      vector.body,
      'no_matching_signature',
    ],
  ])('with %s is refused', (_, headers, body, code) => {
    expect(() => check(headers, body)).toThrow(expect.objectContaining({ name: 'WebhookVerificationError', code }));
  });
});

describe('a timestamp', () => {
  const at = (timestamp: string, clock: number) => {
    const signature = sign(decodeSecret(vector.secret), vector.id, Number(timestamp), vector.body);
    const headers = { ...vectorHeaders, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
    return verify(vector.body, headers, vector.secret, { now: clock });
  };

  it.each([0, 300, -300])('%i s away is accepted', (offset) => {
    expect(at(String(now + offset), now).timestamp).toBe(now + offset);
  });

  it.each<[string, WebhookVerificationErrorCode]>([
    [String(now - 301), 'timestamp_too_old'],
    [String(now + 301), 'timestamp_too_new'],
    ['0', 'timestamp_too_old'],
    ['9'.repeat(400), 'timestamp_too_new'],
    [`${now}000`, 'timestamp_too_new'],
    [`${now}.0`, 'invalid_timestamp'],
    [`+${now}`, 'invalid_timestamp'],
    [`-${now}`, 'invalid_timestamp'],
    [` ${now}`, 'invalid_timestamp'],
    [`${now}\n`, 'invalid_timestamp'],
    ['1.614265330e9', 'invalid_timestamp'],
    ['0x603798f2', 'invalid_timestamp'],
    ['٣', 'invalid_timestamp'],
    ['NaN', 'invalid_timestamp'],
    ['2021-02-25T15:02:10Z', 'invalid_timestamp'],
  ])('of %j is refused as %s', (timestamp, code) => {
    expect(() => at(timestamp, now)).toThrow(expect.objectContaining({ code }));
  });

  it('may be held to another tolerance', () => {
    const late = { now: now + 10, toleranceSeconds: 9 };
    expect(() => verify(vector.body, vectorHeaders, vector.secret, late)).toThrow(/more than 9 s ago/);
  });
});

describe('a set-up that cannot verify', () => {
  it.each([[[]], [new Uint8Array()], [[vector.secret, new Uint8Array()]]])(
    'is refused, not waved through (%#)',
    (secret) => {
      expect(() => verify(vector.body, vectorHeaders, secret, { now })).toThrow(
        expect.objectContaining({ code: 'no_secret' }),
      );
    },
  );

  it('says that the secret is malformed', () => {
    expect(() => verify(vector.body, vectorHeaders, 'whsec_short', { now })).toThrow(WebhookSecretError);
  });
});
