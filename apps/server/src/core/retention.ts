import type { Uuid } from './ids.ts';

/**
 * What is past its time. Each environment keeps its rows for so many days; a day's partitions hold rows of all of them,
 * so a day goes whole once it is past the longest of these, and environments that keep less are swept row by row.
 */

/** Days that rows are kept where nobody says otherwise. */
export const DEFAULT_RETENTION_DAYS = 30;
/** Ten years. At least a day, so that yesterday's partition, which is made at every start, is never dropped. */
export const RETENTION_DAYS = { least: 1, most: 3_650 } as const;

const DAY_MS = 86_400_000;

export interface Keeping {
  readonly environmentId: Uuid;
  /** Null: the default. */
  readonly days: number | null;
}

export interface Past {
  /** Days that ended by this moment (milliseconds since 1970, the start of a UTC day) are dropped whole. */
  readonly dropBefore: number;
  /** Rows accepted before `before` (milliseconds since 1970) are swept. */
  readonly sweeps: readonly { readonly environmentId: Uuid; readonly before: number }[];
}

/**
 * Those with the longest retention are swept for whole days only: of these no more is left than what was in flight when
 * the day was dropped.
 */
export function pastRetention(keepings: readonly Keeping[], defaultDays: number, now: number): Past {
  const days = keepings.map((keeping) => keeping.days ?? defaultDays);
  const longest = Math.max(...(days.length > 0 ? days : [defaultDays]));
  const oldest = now - longest * DAY_MS;
  const dropBefore = oldest - (oldest % DAY_MS);
  const sweeps = keepings.map(({ environmentId }, n) => {
    const own = days[n] ?? defaultDays;
    return { environmentId, before: own < longest ? now - own * DAY_MS : dropBefore };
  });
  return { dropBefore, sweeps };
}
