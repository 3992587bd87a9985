import type { Uuid } from '../core/ids.ts';
import { Problem, type Reset } from '../errors.ts';
import { GroupCommit } from '../group-commit.ts';
import { type Database, isTransient } from '../store/database.ts';
import { countRequests } from '../store/request-count.ts';
import type { KnownKey } from './authenticate.ts';

/** What a key may still call in this minute. */
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
  readonly keyId: Uuid;
  readonly limit: number;
}

/**
 * Counts the calls of keys that have a limit, exactly and over all processes, by calendar minutes of UTC. What comes
 * while a count is under way goes together in the next one, so that even a flood of calls is one statement at a time.
 */
export class RequestLimiter {
  readonly #db: Database;
  readonly #now: (() => number) | undefined;
  readonly #counts: GroupCommit<Call, Allowance | null>;

  /** @param options.now left out: the database's clock. */
  constructor(options: { db: Database; now?: (() => number) | undefined }) {
    this.#db = options.db;
    this.#now = options.now;
    this.#counts = new GroupCommit<Call, Allowance | null>({
      flush: (batch) => this.#count(batch),
      maxItems: MAX_BATCH,
      maxSize: MAX_BATCH,
      sizeOf: () => 1,
      // A key that is deleted while it is counted for the first time; alone, it is found to be gone.
      isItemFault: (error) => !isTransient(error),
    });
  }

  /**
   * Counts one call of a key. Null where it has no limit: then nothing was asked and nobody waits.
   *
   * @throws Problem `overloaded`, `unauthenticated` (the key is gone); or the database's own error.
   */
  count({ id, requestsPerMinute }: KnownKey): Promise<Allowance> | null {
    return requestsPerMinute === null ? null : this.#submit({ keyId: id, limit: requestsPerMinute });
  }

  async #submit(call: Call): Promise<Allowance> {
    if (this.#counts.waiting >= MAX_WAITING) {
      throw new Problem('overloaded', `${MAX_WAITING} calls are waiting to be counted`);
    }
    const allowance = await this.#counts.submit(call);
    if (!allowance) throw new Problem('unauthenticated', 'this API key is not known');
    return allowance;
  }

  async #count(batch: readonly Call[]): Promise<(Allowance | null)[]> {
    const calls = Map.groupBy(batch, ({ keyId }) => keyId);
    const wanted = [...calls]
      .map(([id, { length }]) => ({ id, requests: length }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const rows = await countRequests(this.#db, wanted, this.#now ? new Date(this.#now()) : null);
    const counts = new Map(
      rows.map((row) => {
        const seconds = Math.max(1, Math.ceil(row.reset_ms / 1000));
        const before = row.requests - (calls.get(row.api_key_id)?.length ?? 0);
        return [row.api_key_id, { reset: { at: row.reset_at, seconds }, requests: before }];
      }),
    );
    return batch.map(({ keyId, limit }) => {
      const count = counts.get(keyId);
      if (!count) return null;
      // The calls of this batch are the last of those counted, in the order in which they came.
      count.requests++;
      const remaining = Math.max(0, limit - count.requests);
      return { limit, remaining, reset: count.reset, isOver: count.requests > limit };
    });
  }
}
