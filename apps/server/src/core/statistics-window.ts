import { addTally, newTally, type Tally } from './tally.ts';

/** The spans of time that statistics are asked for, and how finely each is shown. */
export type WindowName = '1h' | '24h' | '7d' | '30d';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** One step more than the span holds, since the first and the last are seldom whole: never less than what was asked. */
const WINDOWS: Readonly<Record<WindowName, { readonly stepMs: number; readonly steps: number }>> = {
  '1h': { stepMs: MINUTE_MS, steps: 61 },
  '24h': { stepMs: HOUR_MS, steps: 25 },
  '7d': { stepMs: HOUR_MS, steps: 7 * 24 + 1 },
  '30d': { stepMs: 6 * HOUR_MS, steps: 30 * 4 + 1 },
};

export interface StatisticsWindow {
  /** Milliseconds since 1970, the beginning of its first step. */
  readonly since: number;
  readonly stepMs: number;
  readonly steps: number;
}

/** What was counted from `at` (milliseconds since 1970) on. */
export interface TallyAt {
  readonly at: number;
  readonly tally: Tally;
}

/** The window that ends now, in whole steps of UTC. */
export function windowOf(name: WindowName, now: number): StatisticsWindow {
  const { stepMs, steps } = WINDOWS[name];
  return { since: (Math.floor(now / stepMs) - steps + 1) * stepMs, stepMs, steps };
}

/**
 * One entry per step, oldest first, empty ones too. What is later than the last step is counted in it: rows carry the
 * database's clock, which may be ahead of ours.
 */
export function seriesOf({ since, stepMs, steps }: StatisticsWindow, rows: readonly TallyAt[]): TallyAt[] {
  const series = Array.from({ length: steps }, (_, n) => ({ at: since + n * stepMs, tally: newTally() }));
  for (const { at, tally } of rows) {
    const step = series[Math.min(steps - 1, Math.floor((at - since) / stepMs))];
    if (step) addTally(step.tally, tally);
  }
  return series;
}

export function totalOf(tallies: readonly TallyAt[]): Tally {
  const total = newTally();
  for (const { tally } of tallies) addTally(total, tally);
  return total;
}
