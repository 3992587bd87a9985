import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  API_KEY_PATTERN,
  apiKeyDigest,
  apiKeyMode,
  isApiKey,
  isMistyped,
  newApiKey,
} from '../../src/crypto/api-key.ts';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

test.each(['live', 'test'] as const)('a new %s key says its mode and is one we accept', (mode) => {
  const key = newApiKey(mode);
  expect(key).toMatch(new RegExp(`^pr_${mode}_[0-9A-Za-z]{38}$`));
  expect(key).toMatch(API_KEY_PATTERN);
  expect(apiKeyMode(key)).toBe(mode);
});

/** As a secret scanner would compute it: base62, least digit first, of the first 48 bits of SHA-256. */
function checksum(body: string): string {
  let rest = BigInt(`0x${createHash('sha256').update(body).digest('hex').slice(0, 12)}`);
  return Array.from({ length: 6 }, () => {
    const digit = BASE62[Number(rest % 62n)];
    rest /= 62n;
    return digit;
  }).join('');
}

test('the last six characters check the ones before', () => {
  for (let n = 0; n < 200; n++) {
    const key = newApiKey(n % 2 ? 'live' : 'test');
    expect(key.slice(-6)).toBe(checksum(key.slice(0, -6)));
  }
});

test('a key with any one letter wrong is known for mistyped, without asking anybody', () => {
  const key = newApiKey('live');
  expect([isApiKey(key), isMistyped(key)]).toEqual([true, false]);
  for (let at = 8; at < key.length; at++) {
    const wrong = `${key.slice(0, at)}${key[at] === 'a' ? 'b' : 'a'}${key.slice(at + 1)}`;
    expect([isApiKey(wrong), isMistyped(wrong)], wrong).toEqual([false, true]);
  }
  expect(isApiKey(key.replace('live', 'test'))).toBe(false);
});

test('a key of the operator’s own has no checksum and is not judged by one', () => {
  for (const length of [32, 37, 39, 48, 200]) expect(isApiKey(`pr_test_${'a'.repeat(length)}`), `${length}`).toBe(true);
  expect(isApiKey(`pr_test_${'a'.repeat(37)}-`)).toBe(true);
  expect(isMistyped(`pr_test_${'a'.repeat(38)}`)).toBe(true);
});

test('every character is as likely as any other', () => {
  const keys = Array.from({ length: 3_000 }, () => newApiKey('test').slice(8, 40));
  expect(new Set(keys).size).toBe(keys.length);
  const counts = new Map([...BASE62].map((char) => [char, 0]));
  for (const char of keys.join('')) counts.set(char, (counts.get(char) ?? 0) + 1);
  const expected = (3_000 * 32) / 62;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 61 degrees of freedom: 140 is passed by chance once in some 10^7 runs; a plain modulo of a byte gives about 1,900.
  expect(chiSquare).toBeLessThan(140);
});

test.each([
  ['pr_live_', 32, true],
  ['pr_test_', 200, true],
  ['pr_test_', 31, false],
  ['pr_test_', 201, false],
  ['pr_prod_', 40, false],
  ['xpr_test_', 40, false],
])('%s and %i characters is a key: %s', (prefix, length, accepted) => {
  expect(API_KEY_PATTERN.test(prefix + 'aZ9_-'.repeat(50).slice(0, length))).toBe(accepted);
  expect(API_KEY_PATTERN.test(`${prefix}${'a'.repeat(length - 1)} `)).toBe(false);
});

test('a key is looked up by its SHA-256', () => {
  expect(apiKeyDigest('pr_test_x').toString('hex')).toBe(createHash('sha256').update('pr_test_x').digest('hex'));
});
