import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { SealError, seal, unseal, Vault } from '../../src/crypto/vault.ts';

const masterKey = randomBytes(32);
const vault = new Vault(masterKey);
const environment = newId();
const { dataKey, wrapped } = vault.newDataKey(environment);
const row = newId();

test('what was sealed opens, whatever text it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      return unseal(dataKey, row, 'endpoint_secret', seal(dataKey, row, 'endpoint_secret', text)) === text;
    }),
  );
});

test('a wrapped data key opens what the first one sealed', () => {
  const sealed = seal(dataKey, row, 'endpoint_headers', 'authorization: x');
  expect(unseal(vault.unwrap(environment, wrapped), row, 'endpoint_headers', sealed)).toBe('authorization: x');
});

test('the same text sealed twice looks different, and never holds its text', () => {
  const [one, two] = [1, 2].map(() => seal(dataKey, row, 'endpoint_secret', 'whsec_abcdefgh'));
  expect(one?.equals(two ?? Buffer.alloc(0))).toBe(false);
  expect(one?.includes('whsec')).toBe(false);
  expect(wrapped.includes(dataKey.key)).toBe(false);
});

describe('a sealed value does not open', () => {
  const sealed = seal(dataKey, row, 'endpoint_secret', 'whsec_abc');
  const elsewhere = newId();
  test.each<[string, () => unknown]>([
    ['in another row', () => unseal(dataKey, elsewhere, 'endpoint_secret', sealed)],
    ['for another purpose', () => unseal(dataKey, row, 'endpoint_headers', sealed)],
    ['in another environment', () => unseal({ ...dataKey, environmentId: elsewhere }, row, 'endpoint_secret', sealed)],
    [
      'with another environment’s data key',
      () => unseal(vault.newDataKey(environment).dataKey, row, 'endpoint_secret', sealed),
    ],
    ['when it is empty', () => unseal(dataKey, row, 'endpoint_secret', Buffer.alloc(0))],
    ['when it is cut short', () => unseal(dataKey, row, 'endpoint_secret', sealed.subarray(0, -1))],
    ['when it is longer', () => unseal(dataKey, row, 'endpoint_secret', Buffer.concat([sealed, Buffer.from([0])]))],
  ])('%s', (_, open) => {
    expect(open).toThrow(SealError);
  });

  test('with any one bit flipped', () => {
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const damaged = Buffer.from(sealed);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => unseal(dataKey, row, 'endpoint_secret', damaged)).toThrow(SealError);
    }
  });

  test('and the error names the row, not the content', () => {
    expect(() => unseal(dataKey, elsewhere, 'endpoint_secret', sealed)).toThrow(elsewhere);
  });
});

test('a data key does not unwrap under another master key, in another environment, or damaged', () => {
  expect(() => new Vault(randomBytes(32)).unwrap(environment, wrapped)).toThrow(SealError);
  expect(() => vault.unwrap(newId(), wrapped)).toThrow(SealError);
  expect(() => vault.unwrap(environment, wrapped.subarray(1))).toThrow(SealError);
});

test('a master key is 32 bytes', () => {
  for (const length of [0, 16, 31, 33]) expect(() => new Vault(randomBytes(length))).toThrow(RangeError);
});
