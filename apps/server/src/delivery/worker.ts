import { type EndingCode, isOurs } from '../core/attempt-error.ts';
import { RUN_LIMIT, speaksAgainstEndpoint } from '../core/circuit.ts';
import { type DisabledReason, type Endpoint, type EndpointType, isCounted } from '../core/endpoint.ts';
import { publicId, type Uuid } from '../core/ids.ts';
import { GroupCommit } from '../group-commit.ts';
import type { Log } from '../log.ts';
import { type Service, untilBeat } from '../service.ts';
import { type Database, isTransient } from '../store/database.ts';
import { type Except, msUntilReady, type ReadyLane } from '../store/lane.ts';
import { LEASE_MARGIN_MS, type LeasedDelivery, type Release, releaseLeases } from '../store/lease.ts';
import { Answering } from './answering.ts';
import { type Attempt, attempt, faultyAttempt } from './attempt.ts';
import { logAttempt, logFault } from './attempt-log.ts';
import type { Circuits } from './circuits.ts';
import { claim, rehearse } from './claim.ts';
import type { Recorder } from './recorder.ts';
import { Signal } from './signal.ts';
import { Slots } from './slots.ts';
import type { Tallies } from './tallies.ts';
import type { Sent, Transport } from './transport.ts';
import { type InHand, type Room, Waiting } from './waiting.ts';

/**
 * Sends what is due. Deliveries come in two ways, each already leased to this process: handed over by `ingest` right
 * after their commit, or claimed here.
 *
 * Each is in hand from the moment its place is taken until its result is recorded; so results that cannot be written
 * hold back new work instead of piling up. While its request is out it has a place on the wire as well. There are more
 * hands than wire, because what is handed over and waits a moment costs one row update; what must go through its lane
 * costs two, and a claim (fan-out 5 on PostgreSQL: 149 us of all processes' CPU per delivery instead of 115).
 */
const MAX_IN_HAND = 2048;
/**
 * Requests that are out at once in one process. As many connections are allowed to any one origin: customers share
 * hosts, and a slow endpoint on a host must not use up the connections of the others there; its share of places is its
 * limit.
 */
export const MAX_IN_FLIGHT = 512;
/**
 * Places on the wire of an endpoint that has not answered well lately: as many as open its circuit. One that never answers
 * would otherwise have half of them, and all of that to be taken from its lane and recorded at once.
 */
const PLACES_TO_FIND_OUT = RUN_LIMIT;
/** Of an endpoint's share of the wire, what only claims may take: a flood of new ones must not starve its lane. */
const KEPT_FOR_CLAIMS = 32;
/** What has waited in hand for so long goes back to its lane. */
const MAX_WAIT_MS = LEASE_MARGIN_MS / 2;
/** A deadline that rings so late has not been heard in time. */
const STALLED_MS = 1_000;
/** Lanes are looked at this often, or as soon as one is known to be ready. */
const POLL_MS = 500;
/** When a delivery is looked at again to which what we remember of its endpoint does not apply. */
const STALE_MS = 2_000;
/** A claim that walked past lanes rests for so many times as long as it took: an application may have 100,000 of them. */
const WALK_REST = 9;
/** Claims come no faster: under load what gathers in this time goes in one. */
const CLAIM_PAUSE_MS = 5;
const NOBODY: Except = { endpoints: [], applications: [] };

/** What the worker needs to know of endpoints; the directory has it. */
export interface EndpointSource {
  /** From memory, where it may be sent to; undefined where that is not known for certain. */
  known(environmentId: Uuid, applicationId: Uuid, id: Uuid): Endpoint | undefined;
  /** A missing or disabled endpoint is as of `since` (performance.now()) or later, never from older memory. */
  endpoint(environmentId: Uuid, applicationId: Uuid, id: Uuid, since: number): Promise<Endpoint | null>;
}

export interface WorkerOptions {
  readonly db: Database;
  readonly endpoints: EndpointSource;
  readonly transports: Readonly<Record<EndpointType, Transport>>;
  readonly recorder: Recorder;
  readonly circuits: Circuits;
  readonly tallies: Tallies;
  /** Switches an endpoint off, on all processes. */
  readonly disable: (endpoint: Endpoint, reason: DisabledReason) => Promise<void>;
  readonly log: Log;
  /** How long `stop` waits for what is in flight, ms. What is not done by then is sent again after its lease. */
  readonly graceMs: number;
}

export class Worker implements Service {
  readonly #options: WorkerOptions;
  readonly #hands = new Slots(MAX_IN_HAND);
  readonly #answering = new Answering();
  readonly #wire = new Slots(MAX_IN_FLIGHT, (endpoint) =>
    this.#answering.has(endpoint) ? Number.POSITIVE_INFINITY : PLACES_TO_FIND_OUT,
  );
  readonly #waiting = new Waiting();
  /** On the wire, for what was handed over. */
  readonly #places: Room = {
    hasRoom: (application) => this.#wire.hasRoomIn(application, KEPT_FOR_CLAIMS),
    take: ({ applicationId, endpointId }) => this.#wire.take(applicationId, endpointId, KEPT_FOR_CLAIMS),
  };
  readonly #work = new Signal();
  readonly #done = new Signal();
  readonly #room = new Signal();
  readonly #releases: GroupCommit<Release, void>;
  #loop: Promise<void> = Promise.resolve();
  #isRunning = false;
  /** When lanes of full applications may be walked past again, by performance.now(). */
  #mayWalkAt = 0;
  /** For whom there was no place at the last look: look again as soon as there is one for any of them. */
  #leftOut = NOBODY;
  /** There was no place at all. */
  #isFull = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#releases = new GroupCommit<Release, void>({
      flush: async (batch) => {
        await releaseLeases(options.db, batch);
        return [];
      },
      maxItems: 500,
      maxSize: Number.POSITIVE_INFINITY,
      sizeOf: () => 0,
      isItemFault: () => false,
    });
  }

  start(): void {
    this.#isRunning = true;
    this.#loop = this.#claimLoop();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#work.fire();
    await this.#loop;
    const deadline = performance.now() + this.#options.graceMs;
    while (this.#hands.taken > 0 && performance.now() < deadline) {
      await this.#done.wait(deadline - performance.now());
    }
    if (this.#hands.taken > 0) {
      this.#options.log.warn(
        { in_flight: this.#hands.taken },
        'stopped with deliveries in flight; they will be sent again',
      );
    }
    this.#options.recorder.stopRetrying();
  }

  /** Takes a place for one delivery to this endpoint, or says that there is none. */
  reserve(applicationId: Uuid, endpointId: Uuid): boolean {
    return this.#isRunning && this.#hands.take(applicationId, endpointId);
  }

  release(applicationId: Uuid, endpointId: Uuid): void {
    this.#free(applicationId, endpointId);
  }

  /** Puts a delivery that is leased to us, and for which there is no place, into its lane. */
  putInLane(delivery: LeasedDelivery): Promise<void> {
    return this.#release(delivery, null);
  }

  /** Resolves to how many places are free: at least `wanted`, or fewer after `timeoutMs`. One may wait at a time. */
  async room(wanted: number, timeoutMs: number): Promise<number> {
    const until = performance.now() + timeoutMs;
    while (this.#hands.free < wanted && performance.now() < until) await this.#room.wait(until - performance.now());
    return this.#hands.free;
  }

  /** There are deliveries in the database that nobody has claimed. */
  wake(): void {
    this.#work.fire();
  }

  /**
   * Sends a delivery whose place is taken.
   *
   * @param leasedAt when its lease began or earlier, by performance.now().
   * @param onEnd called once it is in hand no longer, whatever became of it.
   */
  deliver(delivery: LeasedDelivery, leasedAt: number, onEnd?: () => void): void {
    const inHand = { delivery, leasedAt, isClaimed: false, onEnd };
    if (!this.#waiting.has(delivery) && this.#places.take(delivery)) {
      this.#run(inHand);
    } else {
      this.#waiting.add(inHand);
    }
  }

  /** A delivery that has a place on the wire. */
  #run(inHand: InHand): void {
    this.#finish(inHand, this.#process(inHand));
  }

  #finish(inHand: InHand, work: Promise<unknown>): void {
    const { delivery } = inHand;
    work.then(
      () => this.#end(inHand),
      (error: unknown) => {
        // Nothing is lost: the lease runs out and the delivery is due again.
        this.#options.log.error(
          { err: error, delivery_id: publicId('dlv', delivery.id) },
          'a delivery was not completed',
        );
        this.#end(inHand);
      },
    );
  }

  #end({ delivery: { applicationId, endpointId, isCounted: hadPlace }, onEnd }: InHand): void {
    this.#free(applicationId, endpointId);
    onEnd?.();
    // Its lane was full and has a place now. Left to the next look, a fifo endpoint would get two messages a second.
    if (hadPlace) this.#work.fire();
  }

  #free(applicationId: Uuid, endpointId: Uuid): void {
    this.#hands.giveBack(applicationId, endpointId);
    this.#done.fire();
    this.#room.fire();
    this.#lookAgain();
  }

  /**
   * Where there is a place now that there was none for. Only then: beside a slow endpoint that has all it may have, each
   * delivery to others asked the database twice whose turn it was.
   */
  #lookAgain(): void {
    if (!this.#isFull && !this.#wire.hasRoomForAny(this.#leftOut)) return;
    this.#isFull = false;
    this.#leftOut = NOBODY;
    this.#work.fire();
  }

  /** @param isFirstAnswer its endpoint may have more places from now on. */
  #leaveWire({ applicationId, endpointId }: LeasedDelivery, isFirstAnswer: boolean): void {
    this.#wire.giveBack(applicationId, endpointId);
    const startNext = () => {
      const next = this.#waiting.next(this.#places);
      if (next) this.#run(next);
      return next;
    };
    if (!startNext()) this.#lookAgain();
    else if (isFirstAnswer) while (startNext());
  }

  async #claimLoop(): Promise<void> {
    // Where the database is away, the first claim says so.
    await rehearse(this.#options.db).catch(() => {});
    while (this.#isRunning) {
      let waitMs: number | null = null;
      try {
        waitMs = await this.#claim();
      } catch (error) {
        this.#options.log.warn({ err: error }, 'due deliveries cannot be claimed; trying again');
      }
      if (!this.#isRunning) break;
      await new Promise((resolve) => setTimeout(resolve, CLAIM_PAUSE_MS));
      if (waitMs !== 0) await this.#work.wait(Math.min(untilBeat(POLL_MS), waitMs ?? Number.POSITIVE_INFINITY));
    }
  }

  /** One round of claiming. Resolves to how long nothing will be ready, ms, or null where that is not known. */
  async #claim(): Promise<number | null> {
    const { db } = this.#options;
    for (const inHand of this.#waiting.takeOlderThan(performance.now() - MAX_WAIT_MS)) {
      this.#finish(inHand, this.#release(inHand.delivery, null));
    }
    const full = this.#wire.full();
    const free = Math.min(this.#wire.free, this.#hands.free);
    this.#leftOut = full;
    this.#isFull = free <= 0;
    if (free <= 0) return null;
    const leasedAt = performance.now();
    const mayWalk = leasedAt >= this.#mayWalkAt;
    if (full.applications.length > 0) {
      // To look whether somebody is ready and to give him a turn is one walk here, and not two.
      if (!mayWalk) return this.#mayWalkAt - leasedAt;
    } else {
      const inMs = await msUntilReady(db, full.endpoints);
      if (inMs === null || inMs > 0) return inMs;
    }
    const allot = (lanes: readonly ReadyLane[], most: number) => this.#wire.allot(lanes, most);
    const { deliveries, lanes, hasWalked } = await claim(db, { free, full, allot, mayWalk });
    if (hasWalked) this.#mayWalkAt = performance.now() + WALK_REST * (performance.now() - leasedAt);
    for (const delivery of deliveries) {
      this.#hands.occupy(delivery.applicationId, delivery.endpointId);
      this.#wire.occupy(delivery.applicationId, delivery.endpointId);
      this.#run({ delivery, leasedAt, isClaimed: true });
    }
    // Ready lanes that another process has in hand are its business.
    return lanes === 0 ? POLL_MS / 10 : 0;
  }

  async #process({ delivery, leasedAt, isClaimed }: InHand): Promise<void> {
    const { environmentId, applicationId, endpointId } = delivery;
    const { endpoints, transports } = this.#options;
    let endpoint: Endpoint | null = null;
    let made: Attempt;
    let isFirstAnswer = false;
    let isUnheard = false;
    try {
      endpoint =
        endpoints.known(environmentId, applicationId, endpointId) ??
        (await endpoints.endpoint(environmentId, applicationId, endpointId, leasedAt));
      if (!endpoint || endpoint.status === 'disabled') {
        // Nothing is sent to it, so there is nothing to find out.
        isFirstAnswer = this.#answering.heard(endpointId);
        return await this.#release(delivery, endpoint ? 'endpoint_disabled' : 'endpoint_deleted');
      }
      // Its lane is held, or it was paused a moment ago elsewhere; either way what we remember is put right within this.
      if (endpoint.status === 'paused') return await this.#release(delivery, null, STALE_MS);
      // It was let out before the endpoint had an order or a limit in flight, or by a process that had not heard of it.
      if (isCounted(endpoint) && !delivery.isCounted) return await this.#release(delivery, null, STALE_MS);
      // Its circuit opened while it waited here. What was claimed has its lane's word, which is newer than our memory.
      if (!isClaimed && endpoint.circuit.state !== 'closed') return await this.#release(delivery, null);
      // A process that was frozen, or starved, wakes to leases that end before its request would.
      if (performance.now() - leasedAt > MAX_WAIT_MS) return await this.#release(delivery, null);
      made = await attempt(transports[endpoint.type], endpoint, delivery);
      // What failed on our side was out for a moment at most, and says nothing of the endpoint.
      if (made.fault || isGood(made.sent)) isFirstAnswer = this.#answering.heard(endpointId);
      else isUnheard = !this.#answering.has(endpointId);
    } catch (error) {
      // Only to find out about the endpoint, or to let go, can fail here.
      if (endpoint || isTransient(error)) throw error;
      made = faultyAttempt(delivery, null, 'internal_error', error, new Date());
    } finally {
      if (!isUnheard) this.#leaveWire(delivery, isFirstAnswer);
    }
    try {
      await this.#conclude(endpoint, delivery, made);
    } finally {
      // Not before its circuit is open, if it opens by this: others would take the places meanwhile.
      if (isUnheard) {
        await this.#options.circuits.settled(endpointId);
        this.#leaveWire(delivery, false);
      }
    }
  }

  async #conclude(endpoint: Endpoint | null, delivery: LeasedDelivery, made: Attempt): Promise<void> {
    const { recorder, log } = this.#options;
    const { decision, sent, result, fault } = made;
    const failure = fault ?? ownFailure(sent);
    if (failure) logFault(log, delivery, failure);
    const recorded = await recorder.record(result).catch((error: unknown) => {
      // What is wrong with this very result is not known: what we can still say of it is that it failed.
      if (isTransient(error) || fault) throw error;
      return this.#conclude(endpoint, delivery, faultyAttempt(delivery, endpoint, 'internal_error', error, new Date()));
    });
    if (!recorded) return;
    if (recorded === 'lease_lost' || log.isLevelEnabled('debug')) logAttempt(log, delivery, sent, decision, recorded);
    if (!endpoint) return;
    // Its deadline rang much too late: we were frozen, or starved, and it says nothing of the endpoint. A process that
    // woke up used to open the circuits of all it had in flight.
    const isTelling = !failure && sent.durationMs <= endpoint.timeoutSeconds * 1000 + STALLED_MS;
    if (recorded === 'recorded') this.#options.tallies.attempted(endpoint, sent, decision.status, isTelling);
    if (fault) return;
    // After the record: that it was sent must not be lost because switching off fails.
    if (decision.status === 'FAILED' && decision.disable) await this.#options.disable(endpoint, decision.disable);
    if (!isTelling) return;
    const change = this.#options.circuits.saw(endpoint, delivery.isProbe, speaksAgainstEndpoint(sent.answer));
    if (change) await change;
  }

  /** Lets go of a delivery untried: ended with an error, or due again now; what held it up is in its lane. */
  #release(delivery: LeasedDelivery, error: EndingCode | null, delayMs = 0): Promise<void> {
    if (error !== null) this.#options.tallies.gaveUp(delivery);
    return this.#releases.submit({ delivery, delayMs, error });
  }
}

/** It was answered, by an endpoint that can cope. */
function isGood(sent: Sent): boolean {
  return !ownFailure(sent) && !speaksAgainstEndpoint(sent.answer);
}

/** What failed on our side in the middle of an exchange: the client was closed, or did what nobody foresaw. */
function ownFailure({ answer }: Sent): { code: string; error: unknown } | null {
  return answer.kind === 'error' && isOurs(answer.code) ? { code: answer.code, error: answer.message } : null;
}
