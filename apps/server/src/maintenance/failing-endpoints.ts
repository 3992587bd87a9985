import type { DisabledReason, EndpointRef } from '../core/endpoint.ts';
import type { FailingRule } from '../core/failing.ts';
import { publicId } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { expireFailing, failingFor } from '../store/failing.ts';

const INTERVAL_MS = 60_000;
const BATCH = 1_000;

/** Disables endpoints that have done nothing but fail (core/failing.ts). Two processes that meet do it once. */
export function createFailingWatch(options: {
  db: Database;
  log: Log;
  rule: FailingRule;
  /** Switches an endpoint off, on all processes; one that is off already stays as it is. */
  disable: (endpoint: EndpointRef, reason: DisabledReason) => Promise<void>;
}): Service {
  const { db, log, rule, disable } = options;
  return repeating(
    INTERVAL_MS,
    async () => {
      for (const endpoint of await failingFor(db, rule, BATCH)) {
        const { failures, since } = endpoint;
        log.info({ endpoint_id: publicId('ep', endpoint.id), failures, since }, 'nothing but failures for too long');
        await disable(endpoint, 'failing');
      }
      await expireFailing(db, rule);
    },
    (error) => log.warn({ err: error }, 'failing endpoints cannot be disabled; trying again'),
  );
}
