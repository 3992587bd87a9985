import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { expireTallies, rollMinutes } from '../store/tally.ts';

const INTERVAL_MS = 60_000;
const BATCH = 1_000;
/** The longest window, 30 days, and the step that it may begin within. */
const KEEP_DAYS = 31;

/** Makes hours of old minutes, and drops what no window reaches back to. Any number of processes may run it. */
export function createTallyKeeper(options: { db: Database; log: Log }): Service {
  const { db, log } = options;
  return repeating(
    INTERVAL_MS,
    async () => {
      // Taken and put back in one transaction: what was counted is in one of the two rows at any time.
      while ((await db.transaction((tx) => rollMinutes(tx, BATCH))) === BATCH);
      while ((await expireTallies(db, KEEP_DAYS, BATCH)) === BATCH);
    },
    (error) => log.warn({ err: error }, 'statistics cannot be tidied up; trying again'),
  );
}
