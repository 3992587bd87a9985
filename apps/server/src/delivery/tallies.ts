import type { DeliveryStatus } from '../core/delivery.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { FailingRule } from '../core/failing.ts';
import type { Uuid } from '../core/ids.ts';
import { addTally, countAttempt, newTally, type Tally } from '../core/tally.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { forgetFailing, noteFailing } from '../store/failing.ts';
import { addTallies, type Counted, type Subject } from '../store/tally.ts';
import type { Sent } from './transport.ts';

const FLUSH_MS = 1_000;
/** Endpoints counted before it is time to write, however soon that is: bounds both memory and the statement. */
const MAX_ENDPOINTS = 1_000;

interface Entry {
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly tally: Tally;
  /** Failures since the last success that was counted here. */
  run: number;
}

/**
 * Counts what becomes of deliveries, in memory, and writes it down once a second: a delivery costs an addition here and
 * no statement. A process that is killed loses the last second of statistics, and nothing else.
 */
export class Tallies implements Service {
  readonly #db: Database;
  readonly #log: Log;
  readonly #rule: FailingRule;
  readonly #turns: Service;
  #entries = new Map<Uuid, Entry>();
  #flushing: Promise<void> | null = null;

  constructor(options: { db: Database; log: Log; rule: FailingRule }) {
    this.#db = options.db;
    this.#log = options.log;
    this.#rule = options.rule;
    this.#turns = repeating(
      FLUSH_MS,
      () => this.flush(),
      () => {},
    );
  }

  start(): void {
    this.#turns.start();
  }

  async stop(): Promise<void> {
    await this.#turns.stop();
    await this.#flushing;
    await this.flush();
  }

  /** A delivery was made. */
  accepted(environmentId: Uuid, applicationId: Uuid, endpointId: Uuid): void {
    this.#entry(environmentId, applicationId, endpointId).tally.accepted++;
  }

  /** An attempt was made and recorded. @param status what its delivery is after it. */
  attempted(endpoint: Endpoint, sent: Sent, status: Exclude<DeliveryStatus, 'SENDING'>): void {
    const entry = this.#entry(endpoint.environmentId, endpoint.applicationId, endpoint.id);
    countAttempt(entry.tally, sent.answer, status, sent.durationMs);
    entry.run = status === 'SENT' ? 0 : entry.run + 1;
  }

  /** A delivery ended FAILED without an attempt. */
  gaveUp(of: { readonly environmentId: Uuid; readonly applicationId: Uuid; readonly endpointId: Uuid }): void {
    this.#entry(of.environmentId, of.applicationId, of.endpointId).tally.failed++;
  }

  /** Writes what was counted so far. Never rejects: what cannot be written is kept for the next turn. */
  flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  #entry(environmentId: Uuid, applicationId: Uuid, endpointId: Uuid): Entry {
    const known = this.#entries.get(endpointId);
    if (known) return known;
    const entry = { environmentId, applicationId, tally: newTally(), run: 0 };
    this.#entries.set(endpointId, entry);
    if (this.#entries.size >= MAX_ENDPOINTS) void this.flush();
    return entry;
  }

  async #write(): Promise<void> {
    if (this.#entries.size === 0) return;
    const entries = this.#entries;
    this.#entries = new Map();
    try {
      await addTallies(this.#db, countedOf(entries));
    } catch (error) {
      this.#log.warn({ err: error }, 'statistics cannot be written; trying again');
      this.#takeBack(entries);
      return;
    }
    await this.#noteRuns(entries).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'it cannot be noted which endpoints fail; the next attempts will tell again');
    });
  }

  /** Forgets before it notes: of an endpoint that did both, what failed after its success begins a new run. */
  async #noteRuns(entries: ReadonlyMap<Uuid, Entry>): Promise<void> {
    const well = [...entries].filter(([, { tally }]) => tally.sent > 0).map(([id]) => id);
    if (well.length > 0) await forgetFailing(this.#db, well);
    const failing = [...entries]
      .filter(([, { run }]) => run > 0)
      .map(([id, each]) => ({ id, ...each, failures: each.run }));
    if (failing.length > 0) await noteFailing(this.#db, failing, this.#rule);
  }

  #takeBack(entries: Map<Uuid, Entry>): void {
    // While nothing can be written, nothing is delivered either, so this is seldom much; but it must end somewhere.
    if (this.#entries.size + entries.size > 10 * MAX_ENDPOINTS) {
      this.#log.warn({ endpoints: entries.size }, 'statistics dropped');
      return;
    }
    for (const [id, newer] of this.#entries) {
      const entry = entries.get(id);
      if (entry) {
        addTally(entry.tally, newer.tally);
        entry.run = newer.tally.sent > 0 ? newer.run : entry.run + newer.run;
      } else entries.set(id, newer);
    }
    this.#entries = entries;
  }
}

/** The endpoints' own counts, and the sums of their applications and environments. */
function countedOf(entries: ReadonlyMap<Uuid, Entry>): Counted[] {
  const counted = new Map<Uuid, Counted>();
  const count = (subject: Subject, tally: Tally) => {
    const known = counted.get(subject.id) ?? { subject, tally: newTally() };
    addTally(known.tally, tally);
    counted.set(subject.id, known);
  };
  for (const [id, { environmentId, applicationId, tally }] of entries) {
    count({ id, environmentId, applicationId }, tally);
    count({ id: applicationId, environmentId, applicationId }, tally);
    count({ id: environmentId, environmentId, applicationId: null }, tally);
  }
  return [...counted.values()];
}
