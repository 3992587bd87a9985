import type { Uuid } from '../core/ids.ts';
import { PORTAL_REQUESTS_PER_MINUTE, type PortalSession } from '../core/portal.ts';
import { Problem, type Reset } from '../errors.ts';
import { GroupCommit } from '../group-commit.ts';
import { type Database, isTransient } from '../store/database.ts';
import { type CountRequests, countPortalRequests, countRequests } from '../store/request-count.ts';
import type { KnownKey } from './authenticate.ts';

/** What a key, or the portal of an application, may still call in this minute. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  readonly reset: Reset;
  readonly isOver: boolean;
}

/** Calls that may wait to be counted. */
const MAX_WAITING = 10_000;
const MAX_BATCH = 5_000;

interface Call {
  /** The key, or the application. */
  readonly of: Uuid;
  readonly limit: number;
}

type Counts = GroupCommit<Call, Allowance | null>;

/**
 * Counts the calls of keys that have a limit and of portal sessions, exactly and over all processes, by calendar minutes
 * of UTC. Sessions count by their application: a customer may open as many as they get links. What comes while a count is
 * under way goes together in the next one, so that even a flood of calls is one statement at a time.
 */
export class RequestLimiter {
  readonly #db: Database;
  readonly #now: (() => number) | undefined;
  readonly #ofKeys: Counts;
  readonly #ofPortals: Counts;

  /** @param options.now left out: the database's clock. */
  constructor(options: { db: Database; now?: (() => number) | undefined }) {
    this.#db = options.db;
    this.#now = options.now;
    this.#ofKeys = this.#counted(countRequests);
    this.#ofPortals = this.#counted(countPortalRequests);
  }

  /**
   * Counts one call of a key. Null where it has no limit: then nothing was asked and nobody waits.
   *
   * @throws Problem `overloaded`, `unauthenticated` (the key is gone); or the database's own error.
   */
  count({ id, requestsPerMinute }: KnownKey): Promise<Allowance> | null {
    if (requestsPerMinute === null) return null;
    return this.#submit(this.#ofKeys, { of: id, limit: requestsPerMinute }, 'this API key is not known');
  }

  /**
   * Counts one call of a portal session.
   *
   * @throws as `count`; `unauthenticated` where the application is gone.
   */
  countPortal({ applicationId }: Pick<PortalSession, 'applicationId'>): Promise<Allowance> {
    const call = { of: applicationId, limit: PORTAL_REQUESTS_PER_MINUTE };
    return this.#submit(this.#ofPortals, call, 'this portal session has ended');
  }

  #counted(count: CountRequests): Counts {
    return new GroupCommit<Call, Allowance | null>({
      flush: (batch) => this.#count(count, batch),
      maxItems: MAX_BATCH,
      maxSize: MAX_BATCH,
      sizeOf: () => 1,
      // What is deleted while it is counted for the first time; alone, it is found to be gone.
      isItemFault: (error) => !isTransient(error),
    });
  }

  async #submit(counts: Counts, call: Call, ifGone: string): Promise<Allowance> {
    if (counts.waiting >= MAX_WAITING) {
      throw new Problem('overloaded', `${MAX_WAITING} calls are waiting to be counted`);
    }
    const allowance = await counts.submit(call);
    if (!allowance) throw new Problem('unauthenticated', ifGone);
    return allowance;
  }

  async #count(count: CountRequests, batch: readonly Call[]): Promise<(Allowance | null)[]> {
    const calls = Map.groupBy(batch, (call) => call.of);
    const wanted = [...calls]
      .map(([id, { length }]) => ({ id, requests: length }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const rows = await count(this.#db, wanted, this.#now ? new Date(this.#now()) : null);
    const counts = new Map(
      rows.map((row) => {
        const seconds = Math.max(1, Math.ceil(row.reset_ms / 1000));
        const before = row.requests - (calls.get(row.id)?.length ?? 0);
        return [row.id, { reset: { at: row.reset_at, seconds }, requests: before }];
      }),
    );
    return batch.map((call) => {
      const count = counts.get(call.of);
      if (!count) return null;
      // The calls of this batch are the last of those counted, in the order in which they came.
      count.requests++;
      const remaining = Math.max(0, call.limit - count.requests);
      return { limit: call.limit, remaining, reset: count.reset, isOver: count.requests > call.limit };
    });
  }
}
