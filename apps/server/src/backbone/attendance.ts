import { newId } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { repeating, type Service, type Wakeable } from '../service.ts';
import { leastBackboneLag, removeBackboneWorker, reportBackboneWorker } from '../store/backbone-worker.ts';
import type { Database } from '../store/database.ts';

/**
 * Who takes from the broker, and how far behind. Told through the database, so that those who hand over hear of it from
 * whichever broker: a queue that nobody takes from in time would only fill up, since what lies there for too long goes
 * through the database anyway.
 */

const INTERVAL_MS = 2_000;
/** Half of the time that leases leave for the way. */
const MAX_LAG_MS = 15_000;

/** The side that takes. */
export class Presence implements Service {
  readonly #reporting: Wakeable;
  readonly #db: Database;
  readonly #id = newId();
  #lagMs = 0;
  /** When the broker last answered; null: not yet, and one that cannot reach it is no help. */
  #lastTook: number | null = null;

  constructor({ db, log }: { db: Database; log: Log }) {
    this.#db = db;
    this.#reporting = repeating(
      INTERVAL_MS,
      () => this.#report(),
      (error) => log.warn({ err: error }, 'others could not be told that deliveries are taken from the broker'),
    );
  }

  start(): void {
    this.#reporting.start();
  }

  /** Others hear of it when they look next; of one that dies, after ten seconds. */
  async stop(): Promise<void> {
    await this.#reporting.stop();
    await removeBackboneWorker(this.#db, this.#id).catch(() => {});
  }

  /** @param lagMs the age of what it took; 0 where it asked and nothing was there. */
  took(lagMs: number): void {
    const isFirst = this.#lastTook === null;
    this.#lagMs = Math.max(this.#lagMs, lagMs);
    this.#lastTook = performance.now();
    if (isFirst) this.#reporting.wake();
  }

  async #report(): Promise<void> {
    if (this.#lastTook === null) return;
    const lagMs = Math.max(this.#lagMs, performance.now() - this.#lastTook - INTERVAL_MS, 0);
    this.#lagMs = 0;
    await reportBackboneWorker(this.#db, this.#id, lagMs);
  }
}

/** The side that hands over. */
export class Attendance implements Service {
  readonly #looking: Service;
  readonly #log: Log;
  #isThere: boolean | null = null;

  constructor({ db, log }: { db: Database; log: Log }) {
    this.#log = log;
    this.#looking = repeating(
      INTERVAL_MS,
      async () => this.#note(await leastBackboneLag(db)),
      (error) => log.warn({ err: error }, 'it is not known who takes deliveries from the broker'),
    );
  }

  start(): void {
    this.#looking.start();
  }

  async stop(): Promise<void> {
    await this.#looking.stop();
  }

  /** Whether somebody takes from the broker in time. */
  get isThere(): boolean {
    return this.#isThere === true;
  }

  #note(lagMs: number | null): void {
    const isThere = lagMs !== null && lagMs <= MAX_LAG_MS;
    if (isThere === this.#isThere) return;
    this.#isThere = isThere;
    if (isThere) this.#log.info('workers take deliveries from the broker');
    else if (lagMs === null) this.#log.warn('no worker takes deliveries from the broker; they go through the database');
    else this.#log.warn({ behind_ms: Math.round(lagMs) }, 'workers are behind; deliveries go through the database');
  }
}
