import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { vacuum, vacuumsDue } from '../store/vacuum.ts';

const INTERVAL_MS = 60_000;
/** 1,000 updates of `lane` leave 28 KB behind; its vacuum takes 1 to 8 ms. */
const DEAD_ROWS = 1_000;
/** As PostgreSQL's own (autovacuum_freeze_max_age): a tenth of what is left to go. */
const FREEZE_AGE = 200_000_000;

export interface VacuumOptions {
  readonly db: Database;
  readonly log: Log;
  readonly deadRows?: number;
  readonly freezeAge?: number;
}

/** Stands in for the autovacuum that the embedded database does not have. */
export function createVacuum(options: VacuumOptions): Service {
  return repeating(
    INTERVAL_MS,
    (signal) => vacuumDue(options, signal),
    (error) => options.log.warn({ err: error }, 'dead rows cannot be vacuumed; trying again'),
  );
}

/** One table at a time, so that what waits for the database's one session gets its turn in between. */
export async function vacuumDue(options: VacuumOptions, signal: AbortSignal): Promise<void> {
  const { db, log, deadRows = DEAD_ROWS, freezeAge = FREEZE_AGE } = options;
  for (const due of await vacuumsDue(db, deadRows, freezeAge)) {
    if (signal.aborted) return;
    const startedAt = performance.now();
    await vacuum(db, due);
    log.debug({ ...due, duration_ms: Math.round(performance.now() - startedAt) }, 'vacuumed');
  }
}
