import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NAMED_POLICIES, nextDelay, retryPolicy } from '../../src/core/retry-policy.ts';

const [S, M, H] = [1_000, 60_000, 3_600_000];

/** What stands before each retry. */
const PROMISED = {
  default: [5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 10 * H],
  extended: [5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 24 * H],
};

describe.each(['default', 'extended'] as const)('the %s policy', (name) => {
  test.each(PROMISED[name].map((delay, n) => [n + 1, delay]))('waits as promised after attempt %i', (made, delay) => {
    expect(nextDelay(retryPolicy(name), made, null, 0)).toBe(delay);
  });

  test('is exhausted after its eighth attempt, and stays so', () => {
    for (const attempts of [8, 9, 100]) expect(nextDelay(retryPolicy(name), attempts, null, 0)).toBeNull();
  });
});

test('an exhausted delivery is a dead letter by default, and the end of the endpoint under the extended policy', () => {
  expect(NAMED_POLICIES.default.onExhausted).toBe('dead_letter');
  expect(NAMED_POLICIES.extended.onExhausted).toBe('disable_endpoint');
  expect(retryPolicy([1]).onExhausted).toBe('dead_letter');
});

test('a list of delays is a policy of its own; an empty one never tries again', () => {
  expect(nextDelay(retryPolicy([7, 0]), 1, null, 0)).toBe(7_000);
  expect(nextDelay(retryPolicy([7, 0]), 2, null, 0)).toBe(0);
  expect(nextDelay(retryPolicy([7, 0]), 3, null, 0)).toBeNull();
  expect(nextDelay(retryPolicy([]), 1, null, 0)).toBeNull();
});

test('what follows the last retry can be chosen with any delays; left out, it is what they say themselves', () => {
  for (const delays of ['default', 'extended', [7]] as const) {
    expect(retryPolicy({ delays })).toEqual(retryPolicy(delays));
    for (const on_exhausted of ['dead_letter', 'disable_endpoint'] as const) {
      expect(retryPolicy({ delays, on_exhausted })).toEqual({ ...retryPolicy(delays), onExhausted: on_exhausted });
    }
  }
});

const delays = fc.integer({ min: 0, max: 604_800 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('jitter only ever adds, and at most a fifth', () => {
  fc.assert(
    fc.property(delays, random, (delay, luck) => {
      const ms = nextDelay(retryPolicy([delay]), 1, null, luck) ?? Number.NaN;
      return Number.isInteger(ms) && ms >= delay * 1_000 && ms <= delay * 1_200;
    }),
  );
  // It does add: otherwise all of an endpoint's deliveries would come back in the same instant.
  expect(nextDelay(retryPolicy([100]), 1, null, 0.5)).toBe(110_000);
});

test('what the receiver asked for is a minimum, obeyed up to 24 hours', () => {
  fc.assert(
    fc.property(delays, fc.integer({ min: 0, max: 10_000_000 }), random, (delay, asked, luck) => {
      const own = nextDelay(retryPolicy([delay]), 1, null, luck) ?? Number.NaN;
      const ms = nextDelay(retryPolicy([delay]), 1, asked, luck);
      return ms === Math.max(own, Math.min(asked * 1_000, 24 * H));
    }),
  );
});

test('what the receiver asked for does not revive an exhausted delivery', () => {
  expect(nextDelay(retryPolicy([5]), 2, 60, 0)).toBeNull();
});
