import { repeating, type Service } from '../service.ts';
import { type Queryable, statement } from './database.ts';

const read = statement<{ now: number }>(
  'clock_read',
  'select extract(epoch from clock_timestamp())::float8 * 1000 as now',
);

/** Milliseconds since 1970 by the database. */
export async function readClock(db: Queryable): Promise<number> {
  const [row] = await db.query(read, []);
  if (!row) throw new Error('the database does not tell the time');
  return row.now;
}

const INTERVAL_MS = 5_000;
/** An answer that took longer says too little. */
const MAX_ROUND_TRIP_MS = 1_000;
/** What was read so long ago is not relied on: the database's clock may have been set since. */
const TRUST_MS = 60_000;

/**
 * The database's clock as this process knows it: its own steady clock, and the difference between the two, read every
 * few seconds. So processes can tell each other times without agreeing on any of their own. Right to half a second.
 */
export class DatabaseClock implements Service {
  readonly #reading: Service;
  #difference = 0;
  #trustedUntil = Number.NEGATIVE_INFINITY;

  constructor(db: Queryable, onError: (error: unknown) => void) {
    this.#reading = repeating(INTERVAL_MS, () => this.#read(db), onError);
  }

  start(): void {
    this.#reading.start();
  }

  async stop(): Promise<void> {
    await this.#reading.stop();
  }

  /** Milliseconds since 1970 by the database, at a moment of performance.now(); null where that is not known. */
  at(moment: number): number | null {
    return performance.now() < this.#trustedUntil ? moment + this.#difference : null;
  }

  async #read(db: Queryable): Promise<void> {
    const askedAt = performance.now();
    const now = await readClock(db);
    const answeredAt = performance.now();
    if (answeredAt - askedAt > MAX_ROUND_TRIP_MS) return;
    this.#difference = now - (askedAt + answeredAt) / 2;
    this.#trustedUntil = answeredAt + TRUST_MS;
  }
}
