import { describe, expect, it } from 'vitest';
import {
  effectiveSignature,
  type SignatureSetting,
  STANDARD_SIGNATURE,
  signatureHeaders,
} from '../../src/core/signature.ts';

const plain: SignatureSetting = { scheme: 'standard' };
const branded: SignatureSetting = { scheme: 'hmac-hex', brand: 'Acme' };
const named: SignatureSetting = { scheme: 'hmac-hex', brand: 'Acme', signature_header: 'X-Sign', id_header: 'X-Id' };

describe('what is in force for an endpoint', () => {
  it('is what every endpoint has by default, and the same object', () => {
    expect(effectiveSignature(null, plain)).toBe(STANDARD_SIGNATURE);
    expect(effectiveSignature({ scheme: 'standard' }, named)).toBe(STANDARD_SIGNATURE);
  });

  it.each<[string, SignatureSetting | null, SignatureSetting, SignatureSetting]>([
    ['is its environment’s where it has none of its own', null, named, named],
    ['takes the brand of its environment', { scheme: 'hmac-hex' }, branded, branded],
    [
      'takes the brand whatever scheme its environment has',
      { scheme: 'hmac-hex' },
      { ...plain, brand: 'Acme' },
      branded,
    ],
    ['has a brand of its own', { scheme: 'hmac-hex', brand: 'Mine' }, named, { ...named, brand: 'Mine' }],
    ['takes the names of the same scheme', { scheme: 'hmac-hex' }, named, named],
    ['takes no names of another', { scheme: 'ed25519' }, named, { scheme: 'ed25519', brand: 'Acme' }],
    [
      'takes no names beside its own',
      { scheme: 'hmac-hex', id_header: 'X-Mine' },
      named,
      { ...branded, id_header: 'X-Mine' },
    ],
    [
      'drops names of its own that meet the brand’s',
      { scheme: 'hmac-hex', id_header: 'X-Acme-Signature' },
      branded,
      branded,
    ],
  ])('%s', (_, own, environment, expected) => {
    expect(effectiveSignature(own, environment)).toEqual(expected);
  });
});

describe('the headers', () => {
  it.each<[SignatureSetting, string[]]>([
    [plain, ['webhook-id', 'webhook-timestamp', 'webhook-signature']],
    [{ scheme: 'ed25519', brand: 'Acme' }, ['webhook-id', 'webhook-timestamp', 'webhook-signature']],
    [{ scheme: 'hmac-hex' }, ['webhook-id', 'x-postrider-timestamp', 'x-postrider-signature']],
    [named, ['x-id', 'x-acme-timestamp', 'x-sign']],
  ])('of %j are %j', (setting, names) => {
    expect(Object.values(signatureHeaders(setting))).toEqual(names);
  });
});
