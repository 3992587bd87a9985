import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeSecret, generateSecret, WebhookSecretError } from '../src/index.ts';
import { vector } from './vector.ts';

const ofBytes = (count: number) => `whsec_${randomBytes(count).toString('base64')}`;

describe('a generated secret', () => {
  it.each([24, 32, 64])('of %i bytes decodes to that many', (bytes) => {
    expect(decodeSecret(generateSecret(bytes))).toHaveLength(bytes);
  });

  it('has 32 bytes unless told, and is never the same twice', () => {
    expect(decodeSecret(generateSecret())).toHaveLength(32);
    expect(generateSecret()).not.toBe(generateSecret());
  });

  it.each([0, 23, 65, 32.5, Number.NaN])('of %d bytes is refused', (bytes) => {
    expect(() => generateSecret(bytes)).toThrow(WebhookSecretError);
  });
});

describe('a given secret', () => {
  it.each([
    ['no prefix', vector.secret.slice('whsec_'.length)],
    ['another prefix', vector.secret.replace('whsec_', 'whsk_')],
    ['an upper-case prefix', vector.secret.replace('whsec_', 'WHSEC_')],
    ['nothing after the prefix', 'whsec_'],
    ['23 bytes', ofBytes(23)],
    ['65 bytes', ofBytes(65)],
    ['missing padding', ofBytes(32).replace(/=+$/, '')],
    ['padding it does not need', `${vector.secret}=`],
    ['the URL alphabet', `whsec_${'-_'.repeat(16)}`],
    ['a space inside', vector.secret.replace('GKY', 'G Y')],
    ['a line break at its end', `${vector.secret}\n`],
    ['stray bits in its last letter', `whsec_${'A'.repeat(42)}B=`],
  ])('with %s is refused', (_, secret) => {
    expect(() => decodeSecret(secret)).toThrow(WebhookSecretError);
  });

  it('is not quoted in the refusal', () => {
    const secret = `${vector.secret}!`;
    expect(() => decodeSecret(secret)).toThrow(expect.not.stringContaining('MfKQ9r8G'));
  });
});
