import type { IncomingMessage } from '@postrider/queues';
import type { Uuid } from '../core/ids.ts';
import type { SealOfOrigin } from '../crypto/seal-of-origin.ts';
import { GroupCommit } from '../group-commit.ts';
import type { Log } from '../log.ts';
import type { Service } from '../service.ts';
import type { DatabaseClock } from '../store/clock.ts';
import type { Database } from '../store/database.ts';
import { type LeasedDelivery, takeOverLeases } from '../store/lease.ts';
import { Presence } from './attendance.ts';
import { type Backbone, PUBLISH_MS } from './backbone.ts';
import { type Envelope, MAX_DELIVERIES, unpack } from './envelope.ts';
import { SEAL_HEADER, WAY_MS } from './handoff.ts';
import { Held } from './held.ts';

/** Envelopes received in one go. */
const MAX_BATCH = 16;
/** One receive waits no longer, so that a stop is heard. */
const WAIT_MS = 1_000;
/** What could not be taken over because the database is away. */
const AGAIN_MS = 2_000;
/**
 * Until this age its publisher cannot have given up waiting for the broker, and have put it into its lane. A second is
 * for the two clocks, right to half a second each.
 */
const SURE_MS = PUBLISH_MS - 1_000;

/** The worker of this process, as far as deliveries come to it from outside. */
export interface Hands {
  /** Resolves to how many places are free: at least `wanted`, or fewer after `timeoutMs`. */
  room(wanted: number, timeoutMs: number): Promise<number>;
  reserve(applicationId: Uuid, endpointId: Uuid): boolean;
  /** @param onEnd called once it is in hand no longer, whatever became of it. */
  deliver(delivery: LeasedDelivery, leasedAt: number, onEnd: () => void): void;
  putInLane(delivery: LeasedDelivery): Promise<void>;
}

/**
 * From the broker to the worker of this process. An envelope is acked once all that is in it has been recorded, so that a
 * worker that dies leaves it to another. What comes in time for the first time is sent under the lease it came with; of
 * anything else the database says whether it is still to be sent, and the lease is taken over: a worker that was merely
 * slow has no say in it any more.
 */
export class BackboneIntake implements Service {
  readonly #backbone: Backbone;
  readonly #presence: Presence;
  readonly #clock: DatabaseClock;
  readonly #seal: SealOfOrigin;
  readonly #hands: Hands;
  readonly #db: Database;
  readonly #log: Log;
  readonly #acks: GroupCommit<IncomingMessage, void>;
  readonly #takeOvers: GroupCommit<LeasedDelivery, number | undefined>;
  // A failure of it is told of where it happens.
  readonly #held = new Held((message) => void this.#acks.submit(message));
  /** Envelopes that have come and are on their way into hands or lanes. */
  readonly #underWay = new Set<Promise<void>>();
  #loop: Promise<void> = Promise.resolve();
  #isRunning = false;

  constructor(options: {
    backbone: Backbone;
    clock: DatabaseClock;
    seal: SealOfOrigin;
    hands: Hands;
    db: Database;
    log: Log;
  }) {
    this.#backbone = options.backbone;
    this.#presence = new Presence(options);
    this.#clock = options.clock;
    this.#seal = options.seal;
    this.#hands = options.hands;
    this.#db = options.db;
    this.#log = options.log;
    const together = { maxItems: 500, maxSize: Number.POSITIVE_INFINITY, sizeOf: () => 0, isItemFault: () => false };
    this.#acks = new GroupCommit<IncomingMessage, void>({
      ...together,
      flush: async (batch) => {
        await this.#backbone.ack(batch);
        return [];
      },
    });
    this.#takeOvers = new GroupCommit<LeasedDelivery, number | undefined>({
      ...together,
      flush: async (batch) => {
        const leases = await takeOverLeases(this.#db, batch);
        // A delivery that is in it twice, since the broker brought it twice, is sent by the first alone.
        return batch.map(({ id }) => {
          const lease = leases.get(id);
          leases.delete(id);
          return lease;
        });
      },
    });
  }

  start(): void {
    this.#isRunning = true;
    this.#presence.start();
    this.#loop = this.#receiveLoop();
  }

  /** Takes nothing more. What is in hand is acked as it ends: see `idle`. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#presence.stop();
    await this.#loop;
    // While the worker still has places for it. What has been taken over comes to nobody else before its lease ends.
    await Promise.all(this.#underWay);
  }

  /** Resolves when the broker knows of all that has ended. */
  async idle(): Promise<void> {
    await this.#acks.idle();
  }

  async #receiveLoop(): Promise<void> {
    while (this.#isRunning) {
      const room = await this.#hands.room(MAX_DELIVERIES, WAIT_MS);
      // Those under way have no places yet. However slow the database is, no more are taken than there is room for.
      const max = Math.min(MAX_BATCH, Math.floor(room / MAX_DELIVERIES) - this.#underWay.size);
      if (max < 1) {
        if (this.#underWay.size > 0) await Promise.race(this.#underWay);
        continue;
      }
      const messages = await this.#backbone.receive({ max, waitMs: WAIT_MS });
      if (!messages) continue;
      this.#presence.took(0);
      for (const message of messages) {
        const taking: Promise<void> = this.#take(message)
          .catch((error: unknown) => {
            this.#log.warn({ err: error }, 'what came from the broker could not be taken over; it is to come again');
            return this.#backbone.nack([this.#held.letGo(sealOf(message)) ?? message], AGAIN_MS);
          })
          .finally(() => this.#underWay.delete(taking));
        this.#underWay.add(taking);
      }
    }
  }

  /** Resolves when all that is in it is in hand, or in its lane. */
  async #take(message: IncomingMessage): Promise<void> {
    const envelope = this.#open(message);
    if (!envelope) return this.#acks.submit(message);
    const receivedAt = performance.now();
    const ageMs = this.#ageOf(envelope, receivedAt);
    this.#presence.took(ageMs ?? 0);
    const seal = sealOf(message);
    if (!this.#held.add(seal, message)) return;
    const deliveries = this.#isOurs(message, ageMs) ? envelope.deliveries : await this.#takeOver(envelope.deliveries);
    let open = deliveries.length;
    if (open === 0) return this.#held.settle(seal);
    const onEnd = () => {
      open--;
      if (open === 0) this.#held.settle(seal);
    };
    const left: Promise<void>[] = [];
    for (const delivery of deliveries) {
      const { applicationId, endpointId } = delivery;
      if (this.#hands.reserve(applicationId, endpointId)) this.#hands.deliver(delivery, receivedAt, onEnd);
      else left.push(this.#hands.putInLane(delivery).then(onEnd, onEnd));
    }
    await Promise.all(left);
  }

  /** Null where that is not known. */
  #ageOf({ startBy }: Envelope, receivedAt: number): number | null {
    const now = this.#clock.at(receivedAt);
    return now === null || startBy === 0 ? null : Math.max(0, now - (startBy - WAY_MS));
  }

  /** Nobody can have had it before, nor has it gone another way; and its leases are long enough to send it now. */
  #isOurs({ deliveryCount }: IncomingMessage, ageMs: number | null): boolean {
    return deliveryCount === 1 && this.#backbone.tellsRedelivery && ageMs !== null && ageMs <= SURE_MS;
  }

  async #takeOver(deliveries: readonly LeasedDelivery[]): Promise<LeasedDelivery[]> {
    const leases = await Promise.all(deliveries.map((delivery) => this.#takeOvers.submit(delivery)));
    return deliveries.flatMap((delivery, n) => {
      const lease = leases[n];
      return lease === undefined ? [] : [{ ...delivery, lease }];
    });
  }

  /** Null where it is nothing that we can send; whatever it was, the leases of it end. */
  #open({ body, headers, id }: IncomingMessage): Envelope | null {
    if (!this.#seal.isGenuine(body, headers[SEAL_HEADER])) {
      this.#log.error(
        { message: id },
        'a message in our queue is not ours: another master key, or somebody else; dropped',
      );
      return null;
    }
    const envelope = unpack(body);
    if (!envelope) this.#log.warn({ message: id }, 'a message of another version of Postrider; left to the database');
    return envelope;
  }
}

function sealOf({ headers }: IncomingMessage): string {
  return headers[SEAL_HEADER] ?? '';
}
