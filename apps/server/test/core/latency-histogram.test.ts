import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BUCKETS, boundsOf, bucketOf, emptyHistogram, percentile } from '../../src/core/latency-histogram.ts';

const durations = fc.array(fc.double({ min: 0, max: 65_000, noNaN: true }), { minLength: 1, maxLength: 300 });
const share = fc.double({ min: 0.01, max: 1, noNaN: true });

function histogramOf(values: readonly number[]): number[] {
  const histogram = emptyHistogram();
  for (const value of values) histogram[bucketOf(value)] = (histogram[bucketOf(value)] ?? 0) + 1;
  return histogram;
}

test('buckets follow one another without a gap, and every duration is within its own', () => {
  for (let bucket = 1; bucket < BUCKETS; bucket++) expect(boundsOf(bucket)[0]).toBe(boundsOf(bucket - 1)[1]);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
      const [from, to] = boundsOf(bucketOf(ms));
      return from <= ms && ms < to;
    }),
  );
  for (let bucket = 0; bucket < BUCKETS; bucket++) expect(bucketOf(boundsOf(bucket)[0])).toBe(bucket);
});

test('what is no duration is counted as none at all', () => {
  for (const odd of [Number.NaN, -1, 0]) expect(bucketOf(odd)).toBe(0);
  expect(bucketOf(Number.POSITIVE_INFINITY)).toBe(BUCKETS - 1);
});

test('a percentile is in the bucket of the value that really has that rank', () => {
  fc.assert(
    fc.property(durations, share, (values, wanted) => {
      const sorted = values.toSorted((a, b) => a - b);
      const real = sorted[Math.max(0, Math.ceil(wanted * values.length) - 1)] ?? Number.NaN;
      const [from, to] = boundsOf(bucketOf(real));
      const read = percentile(histogramOf(values), wanted) ?? Number.NaN;
      return from <= read && read <= to;
    }),
  );
});

test('percentiles grow with their share', () => {
  fc.assert(
    fc.property(durations, share, share, (values, one, other) => {
      const histogram = histogramOf(values);
      const [low, high] = [Math.min(one, other), Math.max(one, other)];
      return (percentile(histogram, low) ?? 1) <= (percentile(histogram, high) ?? 0);
    }),
  );
});

test('histograms that are added have the percentiles of all their values', () => {
  fc.assert(
    fc.property(durations, durations, share, (some, others, wanted) => {
      const [a, b] = [histogramOf(some), histogramOf(others)];
      const sum = a.map((count, bucket) => count + (b[bucket] ?? 0));
      return percentile(sum, wanted) === percentile(histogramOf([...some, ...others]), wanted);
    }),
  );
});

test('of nothing there is no percentile', () => {
  expect(percentile(emptyHistogram(), 0.5)).toBeNull();
});
