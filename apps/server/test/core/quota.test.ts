import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventsPerMonth, requestsPerMinute } from '../../src/core/plan.ts';
import { granted } from '../../src/core/quota.ts';

test.each([
  [3, [1, 1, 1, 1, 1], [true, true, true, false, false]],
  [0, [1], [false]],
  [-5, [1, 2], [false, false]],
  [10, [4, 8, 6, 1], [true, false, true, false]],
  [5, [5], [true]],
  [5, [6], [false]],
])('of %i left, %j are granted %j', (left, sizes, expected) => {
  expect(granted(left, sizes)).toEqual(expected);
});

test('what is granted never exceeds what is left, and nothing that would fit is refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 60 }), fc.array(fc.integer({ min: 1, max: 20 })), (left, sizes) => {
      const fits = granted(left, sizes);
      let rest = left;
      sizes.forEach((size, n) => {
        expect(fits[n]).toBe(size <= rest);
        if (fits[n]) rest -= size;
      });
      expect(rest).toBeGreaterThanOrEqual(Math.min(0, left));
    }),
  );
});

test.each([
  ['unlimited', null, null],
  ['unlimited', 5, 5],
  ['free', null, 100],
  ['free', 5, 5],
  // Kept from a plan that allowed more.
  ['free', 500, 100],
] as const)('a key on plan %s with a limit of %s may make %s requests a minute', (plan, own, expected) => {
  expect(requestsPerMinute(plan, own)).toBe(expected);
});

test.each([
  [null, null, 'unlimited', null],
  [null, null, 'free', 10_000],
  ['unlimited', null, 'free', null],
  ['free', null, 'unlimited', 10_000],
  ['unlimited', 7, 'unlimited', 7],
  [null, 0, 'unlimited', 0],
  ['free', 50_000, 'free', 50_000],
] as const)('plan %s and limit %s on plan %s make %s a month', (plan, monthly_event_limit, environment, expected) => {
  expect(eventsPerMonth({ plan, monthly_event_limit }, environment)).toBe(expected);
});
