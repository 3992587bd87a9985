import { afterEach, expect, test } from 'vitest';
import { nextDelay, parseRetryAfter, retryPolicy } from '../../src/core/retry-policy.ts';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 7);

const { TZ } = process.env;
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ;
  else process.env.TZ = TZ;
});

test.each([
  ['0', 0],
  ['120', 120],
  [' 120 ', 120],
  ['0030', 30],
  ['Sun, 06 Nov 1994 08:49:37 GMT', 30],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 30],
  ['Sun Nov  6 08:49:37 1994', 30],
  // What is past is now.
  ['Sun, 06 Nov 1994 08:49:00 GMT', 0],
])('Retry-After: %s is %s seconds from now', (header, seconds) => {
  expect(parseRetryAfter(header, NOW)).toBe(seconds);
});

test.each([undefined, '', 'soon', '-5', '+5', '1.5', '3.5', '1e3', '0x10', '12 s', 'Sunday', 'Mon, 99 Foo', '5, 6'])(
  'Retry-After: %s says nothing we understand',
  (header) => {
    expect(parseRetryAfter(header, NOW)).toBeNull();
  },
);

test('a moment within the next second is waited out in full', () => {
  expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:08 GMT', NOW + 1)).toBe(1);
});

test('a wish of more than ten digits is capped like any other, not ignored', () => {
  for (const header of ['99999999999', '9'.repeat(400)]) {
    expect(nextDelay(retryPolicy([5]), 1, parseRetryAfter(header, NOW), 0)).toBe(24 * 3_600_000);
  }
});

test.each(['America/New_York', 'UTC', 'Asia/Kolkata'])('a date without a zone is GMT on a machine in %s', (zone) => {
  process.env.TZ = zone;
  expect(parseRetryAfter('Sun Nov  6 08:49:37 1994', NOW)).toBe(30);
});
