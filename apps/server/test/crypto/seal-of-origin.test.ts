import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SealOfOrigin } from '../../src/crypto/seal-of-origin.ts';

const [key, newer] = [randomBytes(32), randomBytes(32)];
const content = 'what was written é';
const bytes = Buffer.from(content);

describe('a seal of origin', () => {
  const seal = new SealOfOrigin([key], 'backbone');

  test('is known by whoever has the master key, over exactly what was sealed', () => {
    const given = seal.seal(content);
    expect(new SealOfOrigin([key], 'backbone').isGenuine(bytes, given)).toBe(true);
    expect(seal.isGenuine(Buffer.from(`${content} `), given)).toBe(false);
  });

  test('of another key or purpose, cut short, or missing is none', () => {
    const given = seal.seal(content);
    expect(new SealOfOrigin([newer], 'backbone').isGenuine(bytes, given)).toBe(false);
    expect(new SealOfOrigin([key], 'anything').isGenuine(bytes, given)).toBe(false);
    for (const wrong of [undefined, '', given.slice(0, 20), `${given}AAAA`])
      expect(seal.isGenuine(bytes, wrong)).toBe(false);
  });

  test.each([
    ['the new master key has not been told to all', [key]],
    ['the old one has been left out by some', [newer]],
  ] as const)('is known both ways where %s', (_, keys) => {
    const one = new SealOfOrigin([...keys], 'backbone');
    const both = new SealOfOrigin([newer, key], 'backbone');
    expect(both.isGenuine(bytes, one.seal(content))).toBe(true);
    expect(one.isGenuine(bytes, both.seal(content))).toBe(true);
  });
});
