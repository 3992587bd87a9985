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

describe('with a newer master key before it', () => {
  const newer = randomBytes(32);
  const both = new Vault(newer, masterKey);

  test('the old one still opens what it wrapped, and the new one wraps', () => {
    expect(both.unwrap(environment, wrapped)).toEqual(dataKey);
    const made = both.newDataKey(environment);
    expect(new Vault(newer).unwrap(environment, made.wrapped)).toEqual(made.dataKey);
    expect(() => vault.unwrap(environment, made.wrapped)).toThrow(SealError);
  });

  test('a data key is wrapped anew, once, and stays the same key', () => {
    const rewrapped = both.rewrap(environment, wrapped);
    if (!rewrapped) throw new Error('it was not wrapped anew');
    expect(new Vault(newer).unwrap(environment, rewrapped)).toEqual(dataKey);
    expect(() => vault.unwrap(environment, rewrapped)).toThrow(SealError);
    expect(both.rewrap(environment, rewrapped)).toBeNull();
    expect(() => both.rewrap(newId(), wrapped)).toThrow(SealError);
  });

  test('a data key that was wrapped before it said by whom opens and is wrapped anew', () => {
    // Its form then: without the version and the fingerprint before it.
    const plain = wrapped.subarray(9);
    expect(vault.unwrap(environment, plain)).toEqual(dataKey);
    expect(both.unwrap(environment, plain)).toEqual(dataKey);
    for (const holder of [vault, both]) {
      const rewrapped = holder.rewrap(environment, plain);
      expect(rewrapped && holder.unwrap(environment, rewrapped)).toEqual(dataKey);
    }
  });

  test('a data key does not open where another fingerprint is put before it', () => {
    const forged = Buffer.concat([
      new Vault(newer).newDataKey(environment).wrapped.subarray(0, 9),
      wrapped.subarray(9),
    ]);
    expect(() => both.unwrap(environment, forged)).toThrow(SealError);
  });
});
