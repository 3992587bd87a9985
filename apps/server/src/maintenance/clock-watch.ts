import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import { readClock } from '../store/clock.ts';
import type { Queryable } from '../store/database.ts';
import { putLanesRight } from '../store/lane-clock.ts';

/** For about so long, what a clock set back holds up is held up. It is rare, and asking costs an idle process its rest. */
const INTERVAL_MS = 5_000;
const BATCH = 1_000;
/** Set back by less, a clock holds up nothing for longer than this. */
const SLACK_MS = 1_000;

export interface ClockWatchOptions {
  readonly db: Queryable;
  readonly log: Log;
  readonly intervalMs?: number;
}

/**
 * Puts lanes right once the database's clock has been set back. Whether it was, our own steady clock tells; what it was
 * before we began nobody knows, so the first run looks at the lanes too.
 */
export function createClockWatch({ db, log, intervalMs = INTERVAL_MS }: ClockWatchOptions): Service {
  /** The database's clock is ahead of ours by this, at least. */
  let difference = Number.POSITIVE_INFINITY;
  return repeating(
    intervalMs,
    async () => {
      const askedAt = performance.now();
      const now = await readClock(db);
      const answeredAt = performance.now();
      // An answer that was long on its way says little, and must not hide what the one before it said.
      const least = now - answeredAt;
      if (now - askedAt >= difference - SLACK_MS) {
        difference = Number.isFinite(difference) ? Math.max(difference, least) : least;
        return;
      }
      const lanes = await putLanesRight(db, BATCH);
      if (lanes > 0) log.warn({ lanes }, 'the clock of the database was set back; lanes that it held up go on');
      difference = least;
    },
    (error) => log.warn({ err: error }, 'whether the clock was set back cannot be told; trying again'),
  );
}
