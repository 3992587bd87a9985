import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { rescueExpired } from '../store/lease-watch.ts';

const INTERVAL_MS = 1_000;
const BATCH = 1_000;

/** Frees deliveries whose worker died or froze. Any number of processes may run it: rows in hand are passed over. */
export function createRescuer(options: { db: Database; log: Log }): Service {
  return repeating(
    INTERVAL_MS,
    async () => {
      let rescued = 0;
      for (;;) {
        const freed = await rescueExpired(options.db, BATCH);
        rescued += freed;
        if (freed < BATCH) break;
      }
      if (rescued > 0) options.log.warn({ rescued }, 'freed deliveries whose lease had ended');
    },
    (error) => options.log.warn({ err: error }, 'expired leases cannot be freed; trying again'),
  );
}
