import { describe, expect, test } from 'vitest';
import { type Answer, decide as decideOn, type Trigger } from '../../src/core/delivery.ts';
import { type RetryPolicy, retryPolicy } from '../../src/core/retry-policy.ts';

const NOW = Date.UTC(2026, 0, 1);
const defaults = retryPolicy('default');
const extended = retryPolicy('extended');

const decide = (answer: Answer, policy: RetryPolicy, attempts: number, now: number, random: number) =>
  decideOn(answer, policy, 'scheduled', attempts, now, random);
const response = (status: number, retryAfter?: string): Answer => ({ kind: 'response', status, retryAfter });
const error: Answer = { kind: 'error', code: 'connect_refused' };

test.each([200, 201, 202, 204, 226, 299])('%i is a success, on any attempt', (status) => {
  for (const attempts of [1, 8, 9]) {
    expect(decide(response(status), defaults, attempts, NOW, 0.5)).toEqual({ status: 'SENT' });
  }
});

test.each([100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 409, 411, 429, 500, 502, 503, 504, 599])(
  '%i is tried again',
  (status) => {
    expect(decide(response(status), defaults, 1, NOW, 0)).toEqual({ status: 'PENDING', delayMs: 5_000 });
  },
);

test('no answer is tried again', () => {
  expect(decide(error, defaults, 2, NOW, 0)).toEqual({ status: 'PENDING', delayMs: 300_000 });
});

test('410 ends the delivery and the endpoint at once, under any policy', () => {
  for (const policy of [defaults, extended, retryPolicy([])]) {
    expect(decide(response(410), policy, 1, NOW, 0)).toEqual({ status: 'FAILED', disable: 'gone' });
  }
});

test.each([
  ['default', null],
  ['extended', 'retries_exhausted'],
] as const)('the eighth failure under the %s policy ends the delivery; the endpoint: %s', (name, disable) => {
  for (const answer of [error, response(500), response(503, '60')]) {
    expect(decide(answer, retryPolicy(name), 7, NOW, 0).status).toBe('PENDING');
    expect(decide(answer, retryPolicy(name), 8, NOW, 0)).toEqual({ status: 'FAILED', disable });
  }
});

test.each<[Trigger, number, 'retries_exhausted' | null]>([
  ['scheduled', 8, 'retries_exhausted'],
  ['probe', 8, 'retries_exhausted'],
  ['probe', 9, null],
  ['manual', 8, null],
  ['manual', 9, null],
  ['replay', 9, null],
  ['test', 8, null],
])('a %s attempt, the %i. of its delivery, that fails disables for: %s', (trigger, attempts, disable) => {
  expect(decideOn(response(500), extended, trigger, attempts, NOW, 0)).toEqual({ status: 'FAILED', disable });
  expect(decideOn(response(410), extended, trigger, attempts, NOW, 0)).toEqual({ status: 'FAILED', disable: 'gone' });
});

describe('Retry-After', () => {
  test.each([
    ['a minimum above our own delay', '120', 120_000],
    ['below our own delay', '1', 5_000],
    ['a date', new Date(NOW + 90_000).toUTCString(), 90_000],
    ['more than a day', '864000', 86_400_000],
    ['nonsense', 'later', 5_000],
  ])('%s', (_, retryAfter, delayMs) => {
    for (const status of [429, 503, 500, 301]) {
      expect(decide(response(status, retryAfter), defaults, 1, NOW, 0)).toEqual({ status: 'PENDING', delayMs });
    }
  });
});
