import { newId } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { holdLead, leaveLead } from '../store/leader.ts';

/** What a leader that died leaves undone waits no longer than this: nothing of it is urgent within 10 s. */
const LEASE_MS = 10_000;
/** Three times in a lease, so that one lost call does not cost the lead. */
const RENEW_MS = 3_000;

export interface LeaderOptions {
  readonly db: Database;
  readonly log: Log;
  /** Made anew each time this process comes to lead: a service is started once. */
  readonly duties: () => readonly Service[];
  readonly leaseMs?: number;
  readonly renewMs?: number;
}

/**
 * Work that one process does for all. Whoever holds the lease does it; the lease is a row, renewed long before it ends
 * and free again once it has ended or its holder has left.
 *
 *   following ──lease free, or ours──▶ leading: duties started
 *       ▲                                 │
 *       └── another's, or not renewed ────┘  duties stopped
 *           before it ended
 *
 * It saves work and locks and is not what keeps the work right: a leader that was frozen wakes before it knows that
 * another leads, so every duty's statements are safe side by side.
 */
export function createLeader(options: LeaderOptions): Service {
  const { db, log, duties, leaseMs = LEASE_MS, renewMs = RENEW_MS } = options;
  const id = newId();
  let running: readonly Service[] | null = null;
  let leadsUntil = 0;

  const lead = () => {
    if (running) return;
    log.info('this process does the maintenance now');
    running = duties();
    for (const service of running) service.start();
  };
  const follow = async () => {
    if (!running) return;
    log.info('this process leaves the maintenance to others');
    const ending = running;
    running = null;
    for (const service of ending.toReversed()) await service.stop();
  };
  const renew = async () => {
    // Before the question, so that our lease ends for us before it does for the database.
    const askedAt = performance.now();
    try {
      if (await holdLead(db, id, leaseMs)) {
        leadsUntil = askedAt + leaseMs;
        return lead();
      }
    } catch (error) {
      log.warn({ err: error }, 'the lead of the maintenance cannot be asked for; trying again');
      if (performance.now() < leadsUntil) return;
    }
    await follow();
  };
  const renewal = repeating(renewMs, renew, (error) => log.error({ err: error }, 'a duty did not stop cleanly'));
  return {
    start: () => renewal.start(),
    async stop() {
      await renewal.stop();
      if (!running) return;
      await follow();
      // Where the database is away, the lease ends by itself.
      await leaveLead(db, id).catch((error: unknown) => log.warn({ err: error }, 'the lead was not handed back'));
    },
  };
}
