import { GroupCommit } from '../group-commit.ts';
import type { Log } from '../log.ts';
import { type Database, isTransient } from '../store/database.ts';
import { type AttemptResult, recordAttempts } from '../store/lease.ts';

/** `recorded`; or `lease_lost`: somebody else has the delivery now, and this result was dropped. */
export type Recorded = 'recorded' | 'lease_lost';

/** Nobody waits for a result: what comes in this time goes in one statement, which costs the database a quarter less. */
const PAUSE_MS = 5;

const RETRY_MS = [100, 250, 500, 1_000, 2_000];

/** Writes the results of this instant in one statement, and tries again while the database is away. */
export class Recorder {
  readonly #log: Log;
  readonly #commits: GroupCommit<AttemptResult, Recorded>;
  #isStopping = false;

  constructor(options: { db: Database; log: Log }) {
    this.#log = options.log;
    this.#commits = new GroupCommit<AttemptResult, Recorded>({
      flush: async (batch) => {
        const ours = await recordAttempts(options.db, batch);
        return batch.map((result) => (ours.has(result.delivery.id) ? 'recorded' : 'lease_lost'));
      },
      maxItems: 500,
      maxSize: 4 * 1024 * 1024,
      sizeOf: (result) => 1024 + (result.responseBody?.length ?? 0),
      isItemFault: (error) => !isTransient(error),
      pauseMs: PAUSE_MS,
    });
  }

  /**
   * Resolves when the result is durable or the lease is not ours. Rejects where it cannot be written: the lease then runs
   * out and the delivery is tried again, at least once being the promise.
   */
  async record(result: AttemptResult): Promise<Recorded> {
    let row = result;
    for (let tries = 0; ; tries++) {
      try {
        return await this.#commits.submit(row);
      } catch (error) {
        if (isTransient(error)) {
          if (this.#isStopping) throw error;
          if (tries === 0) this.#log.warn({ err: error }, 'results cannot be recorded; trying again');
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
          continue;
        }
        if (row !== result) throw error;
        // The database refused this very row, so something the receiver answered is to blame: keep what is ours.
        this.#log.error({ err: error, delivery_id: result.delivery.id }, 'an answer cannot be stored; storing without');
        row = { ...result, responseHeaders: null, responseBody: null, errorMessage: null };
      }
    }
  }

  /** From now on a failure is final. */
  stopRetrying(): void {
    this.#isStopping = true;
  }
}
