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
import { addUsage, type Usage } from '../store/usage.ts';
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

interface Messages {
  readonly environmentId: Uuid;
  count: number;
}

/**
 * Counts what becomes of messages and deliveries, in memory, and writes it down once a second: a delivery costs an addition here and
 * no statement. A process that is killed loses the last second of statistics, and nothing else.
 */
export class Tallies implements Service {
  readonly #db: Database;
  readonly #log: Log;
  readonly #rule: FailingRule;
  readonly #now: (() => number) | undefined;
  readonly #turns: Service;
  #entries = new Map<Uuid, Entry>();
  /** Messages by application. */
  #messages = new Map<Uuid, Messages>();
  #flushing: Promise<void> | null = null;

  /** @param options.now the clock of what applications use in a month; left out: the database's. */
  constructor(options: { db: Database; log: Log; rule: FailingRule; now?: (() => number) | undefined }) {
    this.#db = options.db;
    this.#now = options.now;
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

  /** A message was accepted that no quota has counted. */
  message(environmentId: Uuid, applicationId: Uuid): void {
    const known = this.#messages.get(applicationId);
    if (known) {
      known.count++;
      return;
    }
    this.#messages.set(applicationId, { environmentId, count: 1 });
    if (this.#messages.size >= MAX_ENDPOINTS) void this.flush();
  }

  /** A delivery was made. */
  accepted(environmentId: Uuid, applicationId: Uuid, endpointId: Uuid): void {
    this.#entry(environmentId, applicationId, endpointId).tally.accepted++;
  }

  /**
   * An attempt was made and recorded.
   *
   * @param status what its delivery is after it.
   * @param isTelling false where it says nothing of the endpoint: it failed on our side.
   */
  attempted(endpoint: Endpoint, sent: Sent, status: Exclude<DeliveryStatus, 'SENDING'>, isTelling = true): void {
    const entry = this.#entry(endpoint.environmentId, endpoint.applicationId, endpoint.id);
    countAttempt(entry.tally, sent.answer, status, sent.durationMs);
    if (isTelling) entry.run = status === 'SENT' ? 0 : entry.run + 1;
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
    if (this.#entries.size === 0 && this.#messages.size === 0) return;
    const [entries, messages] = [this.#entries, this.#messages];
    this.#entries = new Map();
    this.#messages = new Map();
    try {
      await this.#writeCounts(countedOf(entries), usageOf(entries, messages));
    } catch (error) {
      this.#log.warn({ err: error }, 'statistics cannot be written; trying again');
      this.#takeBack(entries, messages);
      return;
    }
    await this.#noteRuns(entries).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'it cannot be noted which endpoints fail; the next attempts will tell again');
    });
  }

  /** Both or neither: what is counted again is counted again in both. */
  async #writeCounts(counted: readonly Counted[], usage: readonly Usage[]): Promise<void> {
    const now = this.#now ? new Date(this.#now()) : null;
    await this.#db.transaction(async (tx) => {
      if (counted.length > 0) await addTallies(tx, counted);
      if (usage.length > 0) await addUsage(tx, usage, now);
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

  #takeBack(entries: Map<Uuid, Entry>, messages: Map<Uuid, Messages>): void {
    // While nothing can be written, nothing is delivered either, so this is seldom much; but it must end somewhere.
    if (this.#entries.size + entries.size > 10 * MAX_ENDPOINTS) {
      this.#log.warn({ endpoints: entries.size }, 'statistics dropped');
      return;
    }
    for (const [id, newer] of this.#messages) {
      const count = (messages.get(id)?.count ?? 0) + newer.count;
      messages.set(id, { environmentId: newer.environmentId, count });
    }
    this.#messages = messages;
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

/** What each application used, in the order of their ids. */
function usageOf(entries: ReadonlyMap<Uuid, Entry>, messages: ReadonlyMap<Uuid, Messages>): Usage[] {
  const used = new Map<Uuid, Usage>();
  const none = { messages: 0, sent: 0, failed: 0 };
  for (const [applicationId, { environmentId, count }] of messages) {
    used.set(applicationId, { applicationId, environmentId, ...none, messages: count });
  }
  for (const { environmentId, applicationId, tally } of entries.values()) {
    if (tally.sent + tally.failed === 0) continue;
    const known = used.get(applicationId) ?? { applicationId, environmentId, ...none };
    used.set(applicationId, { ...known, sent: known.sent + tally.sent, failed: known.failed + tally.failed });
  }
  return [...used.values()].sort((one, other) => (one.applicationId < other.applicationId ? -1 : 1));
}
