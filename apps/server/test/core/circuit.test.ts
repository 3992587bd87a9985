import { expect, test } from 'vitest';
import {
  cooldownMs,
  isHealthy,
  newHealth,
  observe,
  RATE_MIN_RESULTS,
  RUN_LIMIT,
  shouldOpen,
  speaksAgainstEndpoint,
  WINDOW_MS,
} from '../../src/core/circuit.ts';

/** What is known after these results, one a millisecond; F is a failure. */
function after(results: string, startAt = 0) {
  return [...results].reduce((health, each, n) => observe(health, each === 'F', startAt + n), newHealth(startAt));
}

test('a circuit opens on a run of failures, and not on one less', () => {
  expect(shouldOpen(after('F'.repeat(RUN_LIMIT)))).toBe(true);
  expect(shouldOpen(after('F'.repeat(RUN_LIMIT - 1)))).toBe(false);
  expect(shouldOpen(after(`${'F'.repeat(RUN_LIMIT - 1)}.F`))).toBe(false);
});

test('it opens where four in five of enough results failed', () => {
  expect(shouldOpen(after('.FFFF'.repeat(RATE_MIN_RESULTS / 5)))).toBe(true);
  expect(shouldOpen(after('.FFFF'.repeat(RATE_MIN_RESULTS / 5 - 1)))).toBe(false);
  expect(shouldOpen(after('.FF'.repeat(RATE_MIN_RESULTS)))).toBe(false);
});

test('a rate after a success opens nothing', () => {
  expect(shouldOpen(after('FFFF.'.repeat(RATE_MIN_RESULTS)))).toBe(false);
});

test('results are forgotten when the window has gone by, and then it is healthy', () => {
  const failing = after('F.'.repeat(5));
  const later = observe(failing, false, 3 * WINDOW_MS);
  expect(isHealthy(failing)).toBe(false);
  expect(isHealthy(later)).toBe(true);
  // In the next half of the window the last one still counts.
  expect(isHealthy(observe(failing, false, WINDOW_MS + 20))).toBe(false);
});

test.each([
  [1, 0, 10_000],
  [2, 0, 20_000],
  [3, 0, 40_000],
  [20, 0, 600_000],
  [1, 0.999, 11_998],
])('the cooldown of opening %i with %f of jitter is %i ms', (openings, random, ms) => {
  expect(cooldownMs(openings, random)).toBe(ms);
});

test.each([
  [200, false],
  [400, false],
  [404, false],
  [410, false],
  [408, true],
  [429, true],
  [500, true],
  [503, true],
])('an answer of %i speaks against the endpoint: %s', (status, against) => {
  expect(speaksAgainstEndpoint({ kind: 'response', status })).toBe(against);
});

test('no answer speaks against the endpoint', () => {
  expect(speaksAgainstEndpoint({ kind: 'error', code: 'timeout' })).toBe(true);
});
