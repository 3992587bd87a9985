import { generateKeyPairSync, verify as nodeVerify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  decodeEd25519PublicKey,
  decodeEd25519Secret,
  decodeSecret,
  deriveEd25519Key,
  ed25519PublicKey,
  generateEd25519Secret,
  generateSecret,
  sign,
  signEd25519,
  verify,
  WebhookSecretError,
} from '../src/index.ts';
import { vector, vectorHeaders } from './vector.ts';

// RFC 8032, 7.1, test 1.
const SEED = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
const PUBLIC = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
const whsk = (...parts: Buffer[]) => `whsk_${Buffer.concat(parts).toString('base64')}`;
const whpk = `whpk_${PUBLIC.toString('base64')}`;

const now = vector.timestamp;
const headersWith = (signature: string) => ({ ...vectorHeaders, 'webhook-signature': signature });

describe('a key pair', () => {
  it('has the public key that RFC 8032 gives, whichever way its secret is written', () => {
    expect(ed25519PublicKey(decodeEd25519Secret(whsk(SEED)))).toBe(whpk);
    expect(ed25519PublicKey(decodeEd25519Secret(whsk(SEED, PUBLIC)))).toBe(whpk);
    expect(ed25519PublicKey(decodeEd25519PublicKey(whpk))).toBe(whpk);
  });

  it('is never the same twice when it is generated', () => {
    const secrets = [generateEd25519Secret(), generateEd25519Secret()];
    expect(new Set(secrets.map((secret) => ed25519PublicKey(decodeEd25519Secret(secret)))).size).toBe(2);
    for (const secret of secrets) expect(secret).toMatch(/^whsk_[A-Za-z0-9+/]{86}==$/);
  });

  it('belongs to a shared secret, always the same', () => {
    expect(ed25519PublicKey(deriveEd25519Key(decodeSecret(vector.secret)))).toBe(vector.publicKey);
    const other = deriveEd25519Key(decodeSecret(generateSecret()));
    expect(ed25519PublicKey(other)).not.toBe(vector.publicKey);
  });

  it.each([
    ['a shared secret', vector.secret],
    ['the public key', whpk],
    ['31 bytes', whsk(SEED.subarray(1))],
    ['33 bytes', whsk(SEED, PUBLIC.subarray(31))],
    ['65 bytes', whsk(SEED, PUBLIC, PUBLIC.subarray(31))],
    ['another one’s public half', whsk(SEED, SEED)],
    ['nothing', 'whsk_'],
    ['missing padding', whsk(SEED).replace(/=+$/, '')],
  ])('cannot be made of %s', (_, secret) => {
    expect(() => decodeEd25519Secret(secret)).toThrow(WebhookSecretError);
    expect(() => decodeEd25519Secret(secret)).toThrow(expect.not.stringContaining(SEED.toString('base64').slice(0, 8)));
  });

  it.each([
    ['a private key', whsk(SEED)],
    ['31 bytes', `whpk_${PUBLIC.subarray(1).toString('base64')}`],
    ['64 bytes', `whpk_${Buffer.concat([PUBLIC, PUBLIC]).toString('base64')}`],
    ['no base64', 'whpk_!'],
  ])('cannot be verified with %s', (_, text) => {
    expect(() => decodeEd25519PublicKey(text)).toThrow(WebhookSecretError);
    if (text.startsWith('whpk_')) {
      expect(() => verify(vector.body, vectorHeaders, text, { now })).toThrow(WebhookSecretError);
    }
  });
});

describe('an ed25519 signature', () => {
  it('of the vector is as it is written down', () => {
    const key = deriveEd25519Key(decodeSecret(vector.secret));
    expect(signEd25519(key, vector.id, vector.timestamp, vector.body)).toBe(vector.ed25519);
  });

  it('is one that node:crypto verifies, and ours is verified where node:crypto made it', () => {
    const pair = generateKeyPairSync('ed25519');
    const raw = pair.publicKey.export({ format: 'jwk' }).x ?? '';
    const text = `whpk_${Buffer.from(raw, 'base64url').toString('base64')}`;
    const body = '{"name":"Zoë 🐢"}';
    for (const each of [body, Buffer.from(body)]) {
      const [version, signature = ''] = signEd25519(pair.privateKey, 'msg_1', now, each).split(',');
      expect(version).toBe('v1a');
      const signed = Buffer.from(`msg_1.${now}.${body}`);
      expect(nodeVerify(null, signed, pair.publicKey, Buffer.from(signature, 'base64'))).toBe(true);
      const headers = { ...headersWith(`v1a,${signature}`), 'webhook-id': 'msg_1' };
      expect(verify(each, headers, text, { now }).id).toBe('msg_1');
      expect(verify(each, headers, pair.publicKey, { now }).id).toBe('msg_1');
    }
  });

  it('verifies among others, and beside the shared secret of a change-over', () => {
    const old = generateSecret();
    const signature = `v1,${'A'.repeat(44)} v1a,AAAA ${vector.ed25519} ${sign(decodeSecret(old), vector.id, now, vector.body)}`;
    for (const secret of [vector.publicKey, old, [generateSecret(), vector.publicKey]]) {
      expect(verify(vector.body, headersWith(signature), secret, { now }).id).toBe(vector.id);
    }
  });

  it.each([
    ['another body', vector.ed25519, `${vector.body} `],
    ['another key', signEd25519(decodeEd25519Secret(whsk(SEED)), vector.id, now, vector.body), vector.body],
    ['the version of a shared secret', vector.ed25519.replace('v1a,', 'v1,'), vector.body],
    ['no version', vector.ed25519.slice(4), vector.body],
    ['a cut end', vector.ed25519.slice(0, -4), vector.body],
    ['something after it', `${vector.ed25519}AAAA`, vector.body],
    ['nothing', 'v1a,', vector.body],
    ['the HMAC of the secret', vector.signature, vector.body],
  ])('with %s is refused', (_, signature, body) => {
    expect(() => verify(body, headersWith(signature), vector.publicKey, { now })).toThrow(
      expect.objectContaining({ code: 'no_matching_signature' }),
    );
  });

  it('cannot be made with the public key as if that were a secret', () => {
    const forged = sign(Buffer.from(vector.publicKey.slice(5), 'base64'), vector.id, now, vector.body);
    expect(() => verify(vector.body, headersWith(forged), vector.publicKey, { now })).toThrow(
      expect.objectContaining({ code: 'no_matching_signature' }),
    );
  });
});

describe('headers of the sender’s own naming', () => {
  const headers = { 'X-Id': vector.id, 'x-time': String(now), 'x-sign': `${vector.signature} ${vector.ed25519}` };
  const names = { id: 'x-id', timestamp: 'X-Time', signature: 'X-SIGN' };

  it.each([vector.secret, vector.publicKey])('verify with %s', (secret) => {
    expect(verify(vector.body, headers, secret, { now, headers: names })).toEqual({ id: vector.id, timestamp: now });
  });

  it('are named where they are missing', () => {
    const missing = { ...headers, 'x-time': undefined };
    expect(() => verify(vector.body, missing, vector.secret, { now, headers: names })).toThrow(/x-time is missing/);
  });
});
