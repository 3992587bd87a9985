import { expect, test } from 'vitest';
import { bucketOf } from '../../src/core/latency-histogram.ts';
import { addTally, countAttempt, failureClass, failuresOf, newTally } from '../../src/core/tally.ts';

const response = (status: number) => ({ kind: 'response', status }) as const;
const error = (code: string) => ({ kind: 'error', code }) as const;

test.each([
  ['timeout', [error('timeout'), error('response_timeout'), error('connect_timeout'), error('dns_timeout')]],
  ['connection', [error('connection_refused'), error('dns_failed'), error('certificate_expired'), error('tls_failed')]],
  ['connection', [error('connection_reset'), error('response_truncated')]],
  ['http_4xx', [response(400), response(410), response(429), response(499)]],
  ['http_5xx', [response(500), response(503), response(599)]],
  [
    'other',
    [response(301), response(199), error('egress_blocked'), error('invalid_response'), error('internal_error')],
  ],
] as const)('%s: %j', (expected, answers) => {
  for (const answer of answers) expect(failureClass(answer)).toBe(expected);
});

test('an attempt counts for what it was and for what its delivery is after it', () => {
  const tally = newTally();
  countAttempt(tally, response(500), 'PENDING', 20);
  countAttempt(tally, response(500), 'FAILED', 20);
  countAttempt(tally, response(200), 'SENT', 20);
  expect(tally).toMatchObject({ accepted: 0, sent: 1, failed: 1, failures: { http_5xx: 2 } });
  expect(failuresOf(tally)).toBe(2);
  expect(tally.latency[bucketOf(20)]).toBe(3);
});

test('a timeout is as slow as it was, and what never reached the endpoint has no latency', () => {
  const tally = newTally();
  countAttempt(tally, error('timeout'), 'PENDING', 30_000);
  countAttempt(tally, error('connection_refused'), 'PENDING', 1);
  countAttempt(tally, error('egress_blocked'), 'FAILED', 0);
  expect(tally.latency[bucketOf(30_000)]).toBe(1);
  expect(tally.latency.reduce((sum, count) => sum + count, 0)).toBe(1);
});

test('tallies add up, each count for itself', () => {
  const [sum, more] = [newTally(), newTally()];
  countAttempt(more, response(404), 'FAILED', 3);
  more.accepted = 5;
  addTally(sum, more);
  addTally(sum, more);
  expect(sum).toMatchObject({ accepted: 10, sent: 0, failed: 2, failures: { http_4xx: 2, timeout: 0 } });
  expect(sum.latency[bucketOf(3)]).toBe(2);
});
