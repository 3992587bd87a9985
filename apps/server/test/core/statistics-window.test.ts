import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS, seriesOf, totalOf, type WindowName, windowOf } from '../../src/core/statistics-window.ts';
import { newTally } from '../../src/core/tally.ts';

const SPANS: Readonly<Record<WindowName, number>> = {
  '1h': HOUR_MS,
  '24h': 24 * HOUR_MS,
  '7d': 7 * 24 * HOUR_MS,
  '30d': 30 * 24 * HOUR_MS,
};
const names = fc.constantFrom<WindowName>('1h', '24h', '7d', '30d');
const moments = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });

test('a window holds all that was asked for and less than one step more, in at most 200 steps', () => {
  fc.assert(
    fc.property(names, moments, (name, now) => {
      const { since, stepMs, steps } = windowOf(name, now);
      const asked = now - SPANS[name];
      expect(since).toBeLessThanOrEqual(asked);
      expect(since).toBeGreaterThan(asked - stepMs);
      expect(since + steps * stepMs).toBeGreaterThan(now);
      expect(since % stepMs).toBe(0);
      expect(steps).toBeLessThanOrEqual(200);
    }),
  );
});

test('a series has every step, and counts each row in its own', () => {
  const now = Date.UTC(2026, 0, 1, 12, 30, 30);
  const window = windowOf('1h', now);
  const row = (at: number) => ({ at, tally: { ...newTally(), sent: 1 } });
  const series = seriesOf(window, [row(now - 30_000), row(now - HOUR_MS), row(now - 30 * MINUTE_MS), row(now)]);
  expect(series).toHaveLength(61);
  expect(series.flatMap(({ tally }, n) => (tally.sent > 0 ? [[n, tally.sent]] : []))).toEqual([
    [0, 1],
    [30, 1],
    [60, 2],
  ]);
  expect(new Date(series[60]?.at ?? 0).toISOString()).toBe('2026-01-01T12:30:00.000Z');
});

test('no row is lost to clocks that differ, and none from before the window gets in', () => {
  const now = Date.UTC(2026, 0, 1);
  const window = windowOf('24h', now);
  const tally = { ...newTally(), failed: 1 };
  const ahead = seriesOf(window, [{ at: now + 3 * HOUR_MS, tally }]);
  expect(ahead.at(-1)?.tally.failed).toBe(1);
  expect(totalOf(seriesOf(window, [{ at: window.since - 1, tally }])).failed).toBe(0);
});
