import type { Trigger } from '../core/delivery.ts';
import { type Endpoint, isUngoverned } from '../core/endpoint.ts';
import { newDeliveryId, newId, type Uuid } from '../core/ids.ts';
import { Problem } from '../errors.ts';
import { GroupCommit } from '../group-commit.ts';
import { insertMessages, type NewDelivery, type NewMessage } from '../store/acceptance.ts';
import { type Database, hasSqlState, isTransient, LOCK_NOT_AVAILABLE } from '../store/database.ts';
import { claimKeys, identityOf, type KeyedAnswer, KeyInUseError, limitWait, returnKeys } from '../store/idempotency.ts';
import { LEASE_MARGIN_MS, type LeasedDelivery } from '../store/lease.ts';
import { type Charge, chargeQuotas, type OverQuota, overQuota, type QuotaSource } from './quota.ts';

/**
 * Accepts messages: makes their ids, commits them with their deliveries in one statement together with all others of
 * this instant, and only then says yes. Deliveries for which this process's own worker has room are inserted leased to
 * it and handed over in memory.
 */

/** A message that was resolved and matched, ready to be accepted. */
export interface Draft {
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly eventType: string;
  readonly eventId: string | null;
  /** JSON text of an object or array, as posted. */
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly channels: readonly string[] | null;
  readonly endpoints: readonly Endpoint[];
  /** JSON array: why each endpoint did or did not match. */
  readonly matching: string;
  /** JSON array: where the payload breaks its schema. */
  readonly payloadErrors?: string | null;
  readonly trigger: Trigger;
  /** When it is to be sent, if not at once. */
  readonly deliverAt?: Date | null;
  /** For a call with an idempotency key: the answer it will get, to be kept with the message. */
  readonly keyed: ((accepted: Accepted) => KeyedAnswer) | null;
}

export interface Accepted {
  readonly id: Uuid;
  readonly deliveryIds: readonly Uuid[];
}

/** What became of a draft: accepted now, or its idempotency key was used before (or is being used for over 5 s). */
export type Acceptance<A = Accepted> =
  | { readonly kind: 'accepted'; readonly accepted: A }
  | { readonly kind: 'key_used' }
  | { readonly kind: 'key_in_use' };

/** A way for a committed delivery to reach a worker: of this process, or another. `postrider.ts` connects them. */
export interface Handoff {
  /** How long a delivery may be on its way until a worker has it in hand, ms. */
  readonly wayMs: number;
  /** Takes a place for one delivery to this endpoint; false where there is no room for it now. */
  reserve(applicationId: Uuid, endpointId: Uuid): boolean;
  /** The delivery is committed and its place is taken: send it. @param leasedAt by performance.now(). */
  send(delivery: LeasedDelivery, leasedAt: number): void;
  /** The place is not needed: the commit failed. */
  release(applicationId: Uuid, endpointId: Uuid): void;
}

/** Counts what was made, for statistics. */
export interface AcceptedCounter {
  /** A message of an application without a quota: others are counted where they are charged. */
  message(environmentId: Uuid, applicationId: Uuid): void;
  accepted(environmentId: Uuid, applicationId: Uuid, endpointId: Uuid): void;
}

/** What may wait for a commit before new messages are refused. The refusal is what bounds memory when the database stalls. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 128 * 1024 * 1024;
const MAX_BATCH_ITEMS = 500;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** Several messages of one application with one idempotency key, accepted all or none. */
export interface KeyedDrafts {
  readonly drafts: readonly Omit<Draft, 'keyed'>[];
  readonly keyed: (accepted: readonly Accepted[]) => KeyedAnswer;
}

interface Prepared {
  readonly draft: Omit<Draft, 'keyed'>;
  readonly message: NewMessage;
  readonly accepted: Accepted;
  /** Of each delivery: how it is handed over. Null: it waits in its lane. */
  readonly ways: readonly (Handoff | null)[];
}

/** What goes into one commit, whole: a message, or those of one keyed call. */
interface Pending<A = unknown> {
  readonly prepared: readonly Prepared[];
  readonly accepted: A;
  readonly answer: KeyedAnswer | null;
  /** Where its application has a quota. */
  readonly charge: Charge | null;
}

/** What became of one item of a commit. */
type Outcome = 'accepted' | 'key_used' | OverQuota;

const NO_QUOTAS: QuotaSource = { knownQuota: () => null, quota: async () => null };

export class Acceptor {
  readonly #db: Database;
  readonly #handoffs: readonly Handoff[];
  readonly #wake: () => void;
  readonly #counter: AcceptedCounter | undefined;
  readonly #quotas: QuotaSource;
  readonly #now: (() => number) | undefined;
  readonly #commits: GroupCommit<Pending, Outcome>;
  /** Apart, because a key that another process holds is waited for, and nobody else is to wait with it. */
  readonly #keyedCommits: GroupCommit<Pending, Outcome>;
  /** Apart for the same reason: an application's usage is locked from its charge to the commit. */
  readonly #chargedCommits: GroupCommit<Pending, Outcome>;
  /** Keyed calls under way here: an equal one waits for it instead of meeting it inside one statement. */
  readonly #keysUnderWay = new Map<string, Promise<Acceptance<unknown>>>();
  /** Messages of keyed calls with several, but one of each: a commit counts such a call as one. */
  #moreUnderWay = 0;

  /**
   * @param options.handoffs the first that has room takes a delivery. None: all wait in their lanes.
   * @param options.wake hears of deliveries that wait in their lanes.
   * @param options.now the clock of quotas; left out: the database's.
   */
  constructor(options: {
    readonly db: Database;
    readonly handoffs?: readonly Handoff[];
    readonly wake?: () => void;
    readonly counter?: AcceptedCounter;
    readonly quotas?: QuotaSource;
    readonly now?: (() => number) | undefined;
  }) {
    this.#db = options.db;
    this.#handoffs = options.handoffs ?? [];
    this.#wake = options.wake ?? (() => {});
    this.#counter = options.counter;
    this.#quotas = options.quotas ?? NO_QUOTAS;
    this.#now = options.now;
    const commits = () =>
      new GroupCommit<Pending, Outcome>({
        flush: (batch) => this.#commit(batch),
        maxItems: MAX_BATCH_ITEMS,
        maxSize: MAX_BATCH_BYTES,
        sizeOf: ({ prepared }) => prepared.reduce((sum, { message }) => sum + sizeOf(message), 0),
        // Of many calls one may have waited too long for what somebody else has locked.
        isItemFault: (error) => !isTransient(error) || hasSqlState(error, LOCK_NOT_AVAILABLE),
      });
    this.#commits = commits();
    this.#keyedCommits = commits();
    this.#chargedCommits = commits();
  }

  /** Resolves once the message is durable. @throws Problem `overloaded`, `quota_exceeded`; or the database's own error. */
  async accept(draft: Draft): Promise<Acceptance> {
    const known = this.#knownQuota(draft);
    // Mostly memory tells, and nobody waits.
    const quota = known === undefined ? await this.#quotas.quota(draft.environmentId, draft.applicationId) : known;
    return this.#accept(() => {
      const prepared = this.#prepare(draft);
      const { accepted } = prepared;
      const charge = quota === null ? null : chargeOf(draft, quota, 1);
      return { prepared: [prepared], accepted, answer: draft.keyed?.(accepted) ?? null, charge };
    });
  }

  /** The same for several messages that stand or fall with one idempotency key. */
  async acceptTogether({ drafts, keyed }: KeyedDrafts): Promise<Acceptance<readonly Accepted[]>> {
    const more = Math.max(0, drafts.length - 1);
    this.#moreUnderWay += more;
    try {
      const [first] = drafts;
      const known = first ? this.#knownQuota(first) : null;
      const quota =
        first && known === undefined ? await this.#quotas.quota(first.environmentId, first.applicationId) : known;
      return await this.#accept(() => {
        const prepared = drafts.map((draft) => this.#prepare(draft));
        const accepted = prepared.map((each) => each.accepted);
        const charge = first && typeof quota === 'number' ? chargeOf(first, quota, drafts.length) : null;
        return { prepared, accepted, answer: keyed(accepted), charge };
      });
    } finally {
      this.#moreUnderWay -= more;
    }
  }

  async #accept<A>(prepare: () => Pending<A>): Promise<Acceptance<A>> {
    const plain = this.#commits;
    const keyed = this.#keyedCommits;
    const charged = this.#chargedCommits;
    if (plain.waiting + keyed.waiting + charged.waiting + this.#moreUnderWay >= MAX_WAITING) {
      throw new Problem('overloaded', `${MAX_WAITING} messages are waiting for the database`);
    }
    if (plain.waitingSize + keyed.waitingSize + charged.waitingSize >= MAX_WAITING_BYTES) {
      throw new Problem('overloaded', `${MAX_WAITING_BYTES} bytes of messages are waiting for the database`);
    }
    const pending = prepare();
    if (!pending.answer) return this.#submit(pending);
    const identity = identityOf(pending.answer.environmentId, pending.answer.scope, pending.answer.key);
    const underWay = this.#keysUnderWay.get(identity);
    if (underWay) {
      this.#release(pending);
      const first = await underWay.catch(() => null);
      // Where the first failed, this one is the first now.
      return first && first.kind !== 'key_in_use' ? { kind: 'key_used' } : this.#accept(prepare);
    }
    const submitted = this.#submit(pending);
    this.#keysUnderWay.set(identity, submitted);
    try {
      return await submitted;
    } finally {
      this.#keysUnderWay.delete(identity);
    }
  }

  /** Resolves when nothing is waiting for a commit any more. */
  async idle(): Promise<void> {
    await this.#commits.idle();
    await this.#keyedCommits.idle();
    await this.#chargedCommits.idle();
  }

  /** Test events are neither counted nor limited. */
  #knownQuota({ trigger, applicationId }: Prepared['draft']): number | null | undefined {
    return trigger === 'test' ? null : this.#quotas.knownQuota(applicationId);
  }

  async #submit<A>(pending: Pending<A>): Promise<Acceptance<A>> {
    // Before the commit begins, so that our own view of the lease ends before the database's does.
    const leasedAt = performance.now();
    let outcome: Outcome;
    try {
      outcome = await this.#commitsFor(pending).submit(pending);
    } catch (error) {
      this.#release(pending);
      if (error instanceof KeyInUseError) return { kind: 'key_in_use' };
      throw error;
    }
    if (outcome !== 'accepted') {
      this.#release(pending);
      if (outcome === 'key_used' || !pending.charge) return { kind: 'key_used' };
      throw overQuota(pending.charge, outcome);
    }
    for (const each of pending.prepared) {
      const { environmentId, applicationId, endpoints, trigger } = each.draft;
      if (!pending.charge && trigger !== 'test') this.#counter?.message(environmentId, applicationId);
      for (const { id } of endpoints) this.#counter?.accepted(environmentId, applicationId, id);
      this.#handOver(each, leasedAt);
    }
    return { kind: 'accepted', accepted: pending.accepted };
  }

  #commitsFor({ answer, charge }: Pending): GroupCommit<Pending, Outcome> {
    if (answer) return this.#keyedCommits;
    return charge ? this.#chargedCommits : this.#commits;
  }

  #prepare(draft: Prepared['draft']): Prepared {
    const id = newId();
    const ways = draft.endpoints.map((endpoint) =>
      !draft.deliverAt && isUngoverned(endpoint) ? this.#reserve(draft.applicationId, endpoint.id) : null,
    );
    const deliveries = draft.endpoints.map((endpoint, n): NewDelivery => {
      const way = ways[n];
      return {
        id: newDeliveryId(id),
        endpointId: endpoint.id,
        trigger: draft.trigger,
        status: way ? 'SENDING' : 'PENDING',
        dueInMs: way ? way.wayMs + endpoint.timeoutSeconds * 1000 + LEASE_MARGIN_MS : 0,
        dueAt: draft.deliverAt ?? null,
      };
    });
    const accepted: Accepted = { id, deliveryIds: deliveries.map((delivery) => delivery.id) };
    return {
      draft,
      accepted,
      ways,
      message: {
        id,
        environmentId: draft.environmentId,
        applicationId: draft.applicationId,
        eventType: draft.eventType,
        eventId: draft.eventId,
        payload: draft.payload,
        headers: draft.headers && JSON.stringify(draft.headers),
        channels: draft.channels && JSON.stringify(draft.channels),
        matching: draft.matching,
        payloadErrors: draft.payloadErrors ?? null,
        deliveries,
      },
    };
  }

  #reserve(applicationId: Uuid, endpointId: Uuid): Handoff | null {
    for (const handoff of this.#handoffs) if (handoff.reserve(applicationId, endpointId)) return handoff;
    return null;
  }

  /**
   * One outcome per item. Keys come first: an item whose key was used before is charged nothing. What its quota does not
   * allow gives its key back, and may come again with it next month.
   */
  async #commit(batch: readonly Pending[]): Promise<Outcome[]> {
    const answers = batch.flatMap(({ answer }) => answer ?? []);
    if (answers.length === 0 && !batch.some(({ charge }) => charge)) {
      await insertMessages(this.#db, messagesOf(batch));
      return batch.map(() => 'accepted');
    }
    return this.#db.transaction(async (tx) => {
      const outcomes = new Map<Pending, Outcome>();
      if (answers.length > 0) {
        await limitWait(tx);
        const free = await claimKeys(tx, answers);
        for (const each of batch) if (each.answer && !free.has(each.answer)) outcomes.set(each, 'key_used');
      }
      const charged = batch.filter((each) => each.charge && !outcomes.has(each));
      if (charged.length > 0) {
        const charges = charged.flatMap(({ charge }) => charge ?? []);
        const refusals = await chargeQuotas(tx, charges, this.#now ? new Date(this.#now()) : null);
        const refused = charged.filter((each, n) => {
          const refusal = refusals[n];
          if (refusal) outcomes.set(each, refusal);
          return refusal;
        });
        const keys = refused.flatMap(({ answer }) => answer ?? []);
        if (keys.length > 0) await returnKeys(tx, keys);
      }
      const messages = messagesOf(batch.filter((each) => !outcomes.has(each)));
      if (messages.length > 0) await insertMessages(tx, messages);
      return batch.map((each) => outcomes.get(each) ?? 'accepted');
    });
  }

  #handOver({ draft, message, ways }: Prepared, leasedAt: number): void {
    let anyLeft = false;
    message.deliveries.forEach((delivery, n) => {
      const way = ways[n];
      if (!way) {
        anyLeft = true;
        return;
      }
      way.send(
        {
          id: delivery.id,
          messageId: message.id,
          environmentId: message.environmentId,
          applicationId: message.applicationId,
          endpointId: delivery.endpointId,
          eventType: message.eventType,
          trigger: delivery.trigger,
          attemptCount: 0,
          lease: 1,
          payload: message.payload,
          eventId: message.eventId,
          headers: draft.headers,
          isProbe: false,
          isCounted: false,
        },
        leasedAt,
      );
    });
    if (anyLeft) this.#wake();
  }

  #release({ prepared }: Pending): void {
    for (const { message, ways } of prepared) {
      message.deliveries.forEach(({ endpointId }, n) => {
        ways[n]?.release(message.applicationId, endpointId);
      });
    }
  }
}

function chargeOf({ environmentId, applicationId }: Prepared['draft'], quota: number, messages: number): Charge {
  return { environmentId, applicationId, quota, messages };
}

function messagesOf(batch: readonly Pending[]): NewMessage[] {
  return batch.flatMap(({ prepared }) => prepared.map(({ message }) => message));
}

function sizeOf(message: NewMessage): number {
  return message.payload.length + 256 * (1 + message.deliveries.length);
}
