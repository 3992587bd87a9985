import { expect, it, vi } from 'vitest';
import { repeating, untilBeat } from '../src/service.ts';

it('waits until a multiple of the interval, for half of it at least and one and a half at most', () => {
  for (const intervalMs of [500, 1_000, 60_000]) {
    for (let nowMs = 0.25; nowMs < 3 * intervalMs; nowMs += intervalMs / 64) {
      const waitMs = untilBeat(intervalMs, nowMs);
      expect((nowMs + waitMs) % intervalMs).toBe(0);
      expect(waitMs).toBeGreaterThanOrEqual(intervalMs / 2);
      expect(waitMs).toBeLessThan(1.5 * intervalMs);
    }
  }
});

it('brings what has the same interval together, whenever each began', async () => {
  vi.useFakeTimers();
  try {
    const turns: number[] = [];
    const services = [0, 1, 2].map(() =>
      repeating(500, async () => turns.push(performance.now()) > 100, console.error),
    );
    for (const service of services) {
      service.start();
      await vi.advanceTimersByTimeAsync(70);
    }
    await vi.advanceTimersByTimeAsync(2_500);
    await Promise.all(services.map((service) => service.stop()));
    expect(turns.length).toBeGreaterThanOrEqual(3 + 4 * 3);
    for (const at of turns.slice(3)) expect(at % 500).toBeLessThan(2);
  } finally {
    vi.useRealTimers();
  }
});
