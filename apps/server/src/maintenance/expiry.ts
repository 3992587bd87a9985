import { firstIdAt } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import { expireAuditEntries } from '../store/audit.ts';
import { pruneChanges } from '../store/change.ts';
import type { Database } from '../store/database.ts';
import { expireKeys } from '../store/idempotency.ts';
import { DAY_MS } from '../store/partition.ts';
import { expirePortal } from '../store/portal.ts';
import { expireUsage } from '../store/usage.ts';

const INTERVAL_MS = 60_000;
/** Small enough that no accept waits behind a delete. */
const BATCH = 5_000;

/** The longest that statistics of an application reach back, and the month that is under way. */
const USAGE_MONTHS = 37;

/** A year, and the month in which somebody asks about it. */
const KEEP_AUDIT_DAYS = 400;

/**
 * Drops what has served its time: idempotency keys after 24 h, links into the portal and its sessions once they have ended,
 * the change log once every process has read it, what was used in months that nobody can ask for any more, and the audit log
 * after 400 days.
 */
export function createExpiry(options: { db: Database; log: Log }): Service {
  return repeating(
    INTERVAL_MS,
    async () => {
      while ((await expireKeys(options.db, BATCH)) === BATCH);
      while ((await expirePortal(options.db, BATCH)) >= BATCH);
      await pruneChanges(options.db);
      const before = firstIdAt(Date.now() - KEEP_AUDIT_DAYS * DAY_MS);
      while ((await expireAuditEntries(options.db, before, BATCH)) === BATCH);
      while ((await expireUsage(options.db, USAGE_MONTHS, BATCH)) === BATCH);
    },
    (error) => options.log.warn({ err: error }, 'expired rows cannot be dropped; trying again'),
  );
}
