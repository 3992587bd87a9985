import { describe, expect, it } from 'vitest';
import { MAX_OLD_SECRETS, oldSecretsAfter } from '../../src/core/rotation.ts';

const NOW = 1_000_000;
const old = (...ends: number[]) => ends.map((until, n) => ({ secret: `old ${n}`, until }));

describe('the secrets that sign along after a rotation', () => {
  it.each<[string, Parameters<typeof oldSecretsAfter>, ReturnType<typeof oldSecretsAfter>]>([
    ['are the one of before', ['now', [], 'next', 500, NOW], [{ secret: 'now', until: NOW + 500 }]],
    [
      'are those of before that, each to its own end',
      ['now', old(NOW + 1, NOW + 900), 'next', 500, NOW],
      [...old(NOW + 1, NOW + 900), { secret: 'now', until: NOW + 500 }],
    ],
    ['are none that have ended', ['now', old(NOW, NOW - 1), 'next', 1, NOW], [{ secret: 'now', until: NOW + 1 }]],
    ['are none at all without overlap', ['now', old(NOW + 900), 'next', 0, NOW], []],
    ['are not the next, taken back', ['now', old(NOW + 900), 'old 0', 5, NOW], [{ secret: 'now', until: NOW + 5 }]],
    ['are the one of before once', ['old 0', old(NOW + 900), 'next', 5, NOW], [{ secret: 'old 0', until: NOW + 5 }]],
  ])('%s', (_, given, expected) => {
    expect(oldSecretsAfter(...given)).toEqual(expected);
  });

  it('are five at most, those that have ended not counted', () => {
    const five = old(...Array.from({ length: MAX_OLD_SECRETS }, () => NOW + 1));
    expect(oldSecretsAfter('now', five, 'next', 1, NOW)).toBeNull();
    expect(oldSecretsAfter('now', five, 'next', 1, NOW + 1)).toHaveLength(1);
    expect(oldSecretsAfter('now', five.slice(1), 'next', 1, NOW)).toHaveLength(MAX_OLD_SECRETS);
    expect(oldSecretsAfter('now', five, 'next', 0, NOW)).toEqual([]);
  });
});
