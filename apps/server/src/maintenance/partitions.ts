import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { DAY_MS, ensurePartitions } from '../store/partition.ts';

const INTERVAL_MS = 3_600_000;
/** A database that is away for a weekend, or a maintenance process that is, must not run out of partitions. */
const DAYS_AHEAD = 7;
/** Behind a dump that takes an hour, accepts would wait half a minute each time: there are seven days of hours to try in. */
const LOCK_MS = 100;

/** Makes the partitions of the coming days before they are needed. */
export function createPartitioner(options: { db: Database; log: Log }): Service {
  return repeating(
    INTERVAL_MS,
    () => ensurePartitions(options.db, Date.now() - DAY_MS, Date.now() + DAYS_AHEAD * DAY_MS, LOCK_MS),
    (error) => options.log.error({ err: error }, 'partitions cannot be made; new rows go to the default partition'),
  );
}
