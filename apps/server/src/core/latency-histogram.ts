/**
 * How long attempts took, in counts that can be added: two histograms of two processes, or of sixty minutes, make one by
 * adding bucket by bucket, which percentiles themselves do not.
 *
 * Buckets grow by √2 from 1 ms to 65.5 s (an attempt takes 60 s at most), with one below and one above: 34 in all. So a
 * percentile read off them is at most 41 % off, and mostly far less, since it is interpolated.
 */
export type Histogram = readonly number[];

const STEPS = 32;
export const BUCKETS = STEPS + 2;

/** The milliseconds at which bucket n + 1 begins. */
const BOUNDS: readonly number[] = Array.from({ length: STEPS + 1 }, (_, n) => 2 ** (n / 2));

/** @param ms 0 and up. */
export function bucketOf(ms: number): number {
  if (!(ms >= 1)) return 0;
  return Math.min(BUCKETS - 1, 1 + Math.floor(2 * Math.log2(ms)));
}

/** From where (inclusive) to where (exclusive) a bucket goes, ms. The last one is open. */
export function boundsOf(bucket: number): readonly [number, number] {
  return [BOUNDS[bucket - 1] ?? 0, BOUNDS[bucket] ?? Number.POSITIVE_INFINITY];
}

export function emptyHistogram(): number[] {
  return Array<number>(BUCKETS).fill(0);
}

/**
 * The time that a share of all attempts took at most, ms; null where there were none. Within a bucket as if they were
 * spread evenly.
 *
 * @param share in (0, 1]: 0.5 for the median.
 */
export function percentile(histogram: Histogram, share: number): number | null {
  const rank = share * histogram.reduce((sum, count) => sum + count, 0);
  if (rank === 0) return null;
  let below = 0;
  for (const [bucket, count] of histogram.entries()) {
    if (count > 0 && below + count >= rank) {
      const [from, to] = boundsOf(bucket);
      return to === Number.POSITIVE_INFINITY ? from : from + ((to - from) * (rank - below)) / count;
    }
    below += count;
  }
  return null;
}
