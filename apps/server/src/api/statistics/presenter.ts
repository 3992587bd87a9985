import { percentile } from '../../core/latency-histogram.ts';
import type { StatisticsWindow, TallyAt, WindowName } from '../../core/statistics-window.ts';
import { totalOf } from '../../core/statistics-window.ts';
import { failuresOf, type Tally } from '../../core/tally.ts';

export function presentSummary(tally: Tally) {
  const failed = failuresOf(tally);
  const total = tally.sent + failed;
  return {
    ...presentCounts(tally),
    success_rate: share(tally.sent, tally.sent + tally.failed),
    attempts: { total, failed, success_rate: share(tally.sent, total) },
    failures: { ...tally.failures },
    ...presentLatency(tally),
  };
}

export function presentMetrics(name: WindowName, window: StatisticsWindow, series: readonly TallyAt[]) {
  return {
    window: name,
    since: new Date(window.since).toISOString(),
    step_seconds: window.stepMs / 1000,
    series: series.map(({ at, tally }) => ({
      at: new Date(at).toISOString(),
      ...presentCounts(tally),
      ...presentLatency(tally),
    })),
    totals: presentSummary(totalOf(series)),
  };
}

function presentCounts({ accepted, sent, failed }: Tally) {
  return { accepted, sent, failed };
}

function presentLatency({ latency }: Tally) {
  return { p50_ms: tenths(percentile(latency, 0.5)), p95_ms: tenths(percentile(latency, 0.95)) };
}

function tenths(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

/** To four digits: a share of a million is still told from all of it by the counts beside it. */
function share(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000;
}
