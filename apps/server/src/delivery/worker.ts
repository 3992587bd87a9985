import { speaksAgainstEndpoint } from '../core/circuit.ts';
import { type DisabledReason, type Endpoint, type EndpointType, isCounted } from '../core/endpoint.ts';
import { publicId, type Uuid } from '../core/ids.ts';
import { GroupCommit } from '../group-commit.ts';
import type { Log } from '../log.ts';
import type { Service } from '../service.ts';
import { type Database, isTransient } from '../store/database.ts';
import { msUntilReady } from '../store/lane.ts';
import { LEASE_MARGIN_MS, type LeasedDelivery, type Release, releaseLeases } from '../store/lease.ts';
import { type Attempt, attempt, faultyAttempt } from './attempt.ts';
import type { Circuits } from './circuits.ts';
import { claim } from './claim.ts';
import type { Recorder } from './recorder.ts';
import { Signal } from './signal.ts';
import { Slots } from './slots.ts';
import type { Transport } from './transport.ts';

/**
 * Sends what is due. Deliveries come in two ways, each already leased to this process: handed over by `ingest` right
 * after their commit, or claimed here. Each takes a slot, is sent, its result is recorded, and the slot is free again
 * only then; so results that cannot be written hold back new work instead of piling up.
 */
/**
 * Deliveries in flight in one process. As many connections are allowed to any one origin: customers share hosts, and a
 * slow endpoint on a host must not use up the connections of the others there; its share of places is its limit.
 */
export const MAX_IN_FLIGHT = 512;
/** Lanes are looked at this often, or as soon as one is known to be ready. */
const POLL_MS = 500;
/** When a delivery is looked at again to which what we remember of its endpoint does not apply. */
const STALE_MS = 2_000;
/** Claims come no faster: under load what gathers in this time goes in one. */
const CLAIM_PAUSE_MS = 5;

/** What the worker needs to know of endpoints; the directory has it. */
export interface EndpointSource {
  /** A missing or disabled endpoint is as of `since` (performance.now()) or later, never from older memory. */
  endpoint(environmentId: Uuid, applicationId: Uuid, id: Uuid, since: number): Promise<Endpoint | null>;
}

export interface WorkerOptions {
  readonly db: Database;
  readonly endpoints: EndpointSource;
  readonly transports: Readonly<Record<EndpointType, Transport>>;
  readonly recorder: Recorder;
  readonly circuits: Circuits;
  /** Switches an endpoint off, on all processes. */
  readonly disable: (endpoint: Endpoint, reason: DisabledReason) => Promise<void>;
  readonly log: Log;
  /** How long `stop` waits for what is in flight, ms. What is not done by then is sent again after its lease. */
  readonly graceMs: number;
}

export class Worker implements Service {
  readonly #options: WorkerOptions;
  readonly #slots = new Slots(MAX_IN_FLIGHT);
  readonly #work = new Signal();
  readonly #done = new Signal();
  readonly #releases: GroupCommit<Release, void>;
  #loop: Promise<void> = Promise.resolve();
  #isRunning = false;
  /** Something waits that there was no room for: look again as soon as a place is free. */
  #wantsRoom = false;

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
    while (this.#slots.taken > 0 && performance.now() < deadline) {
      await this.#done.wait(deadline - performance.now());
    }
    if (this.#slots.taken > 0) {
      this.#options.log.warn(
        { in_flight: this.#slots.taken },
        'stopped with deliveries in flight; they will be sent again',
      );
    }
    this.#options.recorder.stopRetrying();
  }

  /** Takes a place for one delivery to this endpoint, or says that there is none. */
  reserve(endpoint: Endpoint): boolean {
    return this.#isRunning && this.#slots.take(endpoint.id);
  }

  release(endpoint: Endpoint): void {
    this.#free(endpoint.id);
  }

  /** There are deliveries in the database that nobody has claimed. */
  wake(): void {
    this.#work.fire();
  }

  /** Sends a delivery whose place is taken. @param leasedAt when its lease began or earlier, by performance.now(). */
  deliver(delivery: LeasedDelivery, leasedAt: number): void {
    this.#process(delivery, leasedAt)
      .catch((error: unknown) => {
        // Nothing is lost: the lease runs out and the delivery is due again.
        this.#options.log.error(
          { err: error, delivery_id: publicId('dlv', delivery.id) },
          'a delivery was not completed',
        );
      })
      .finally(() => {
        this.#free(delivery.endpointId);
        // Its lane was full and has a place now. Left to the next look, a fifo endpoint would get two messages a second.
        if (delivery.isCounted) this.#work.fire();
      });
  }

  #free(endpointId: Uuid): void {
    this.#slots.giveBack(endpointId);
    this.#done.fire();
    if (this.#wantsRoom) this.#work.fire();
  }

  async #claimLoop(): Promise<void> {
    while (this.#isRunning) {
      let waitMs = POLL_MS;
      try {
        waitMs = await this.#claim();
      } catch (error) {
        this.#options.log.warn({ err: error }, 'due deliveries cannot be claimed; trying again');
      }
      if (!this.#isRunning) break;
      await new Promise((resolve) => setTimeout(resolve, CLAIM_PAUSE_MS));
      if (waitMs > 0) await this.#work.wait(waitMs);
    }
  }

  /** One round of claiming. Resolves to how long nothing is known to be ready, ms. */
  async #claim(): Promise<number> {
    const { db } = this.#options;
    const saturated = this.#slots.saturated();
    this.#wantsRoom = saturated.length > 0 || this.#slots.free === 0;
    if (this.#slots.free === 0) return POLL_MS;
    const inMs = await msUntilReady(db, saturated);
    if (inMs === null || inMs > 0) return Math.min(POLL_MS, inMs ?? POLL_MS);
    const leasedAt = performance.now();
    const { deliveries, lanes } = await claim(db, this.#slots);
    for (const delivery of deliveries) {
      this.#slots.occupy(delivery.endpointId);
      this.deliver(delivery, leasedAt);
    }
    // Ready lanes that another process has in hand are its business.
    return lanes === 0 ? POLL_MS / 10 : 0;
  }

  async #process(delivery: LeasedDelivery, leasedAt: number): Promise<void> {
    const endpoint = await this.#endpointOf(delivery, leasedAt);
    if (endpoint === 'unknown') return;
    if (!endpoint) return this.#release(delivery, 'endpoint_deleted');
    if (endpoint.status === 'disabled') return this.#release(delivery, 'endpoint_disabled');
    // Its lane is held, or it was paused a moment ago elsewhere; either way what we remember is put right within this.
    if (endpoint.status === 'paused') return this.#release(delivery, null, STALE_MS);
    // It was let out before the endpoint had an order or a limit in flight, or by a process that had not heard of it.
    if (isCounted(endpoint) && !delivery.isCounted) return this.#release(delivery, null, STALE_MS);
    // A process that was frozen, or starved, wakes to leases that end before its request would.
    if (performance.now() - leasedAt > LEASE_MARGIN_MS / 2) return this.#release(delivery, null);
    await this.#conclude(
      endpoint,
      delivery,
      await attempt(this.#options.transports[endpoint.type], endpoint, delivery),
    );
  }

  /** `unknown`: it could not be found out, not because the database is away; that counts as a failed attempt. */
  async #endpointOf(delivery: LeasedDelivery, since: number): Promise<Endpoint | null | 'unknown'> {
    const { environmentId, applicationId, endpointId } = delivery;
    try {
      return await this.#options.endpoints.endpoint(environmentId, applicationId, endpointId, since);
    } catch (error) {
      if (isTransient(error)) throw error;
      await this.#conclude(null, delivery, faultyAttempt(delivery, null, 'internal_error', error, new Date()));
      return 'unknown';
    }
  }

  async #conclude(endpoint: Endpoint | null, delivery: LeasedDelivery, made: Attempt): Promise<void> {
    const { recorder, log } = this.#options;
    const { decision, sent, result, fault } = made;
    const about = { delivery_id: publicId('dlv', delivery.id), number: result.number };
    if (fault) log.error({ ...about, err: fault.error, error: fault.code }, 'an attempt failed on our side');
    const recorded = await recorder.record(result).catch((error: unknown) => {
      // What is wrong with this very result is not known: what we can still say of it is that it failed.
      if (isTransient(error) || fault) throw error;
      return this.#conclude(endpoint, delivery, faultyAttempt(delivery, endpoint, 'internal_error', error, new Date()));
    });
    if (!recorded) return;
    log.debug(
      {
        ...about,
        message_id: publicId('msg', delivery.messageId),
        endpoint_id: publicId('ep', delivery.endpointId),
        event_type: delivery.eventType,
        trigger: delivery.trigger,
        status: decision.status,
        ...(sent.answer.kind === 'response' ? { status_code: sent.answer.status } : { error: sent.answer.code }),
        duration_ms: sent.durationMs,
        ...sent.timings,
        recorded,
      },
      'attempt',
    );
    if (recorded === 'lease_lost') log.warn(about, 'lease lost; result dropped');
    if (!endpoint || fault) return;
    // After the record: that it was sent must not be lost because switching off fails.
    if (decision.status === 'FAILED' && decision.disable) await this.#options.disable(endpoint, decision.disable);
    await this.#options.circuits.saw(endpoint, delivery.isProbe, speaksAgainstEndpoint(sent.answer));
  }

  /** Lets go of a delivery untried: ended with an error, or due again now; what held it up is in its lane. */
  #release(delivery: LeasedDelivery, error: string | null, delayMs = 0): Promise<void> {
    return this.#releases.submit({ delivery, delayMs, error });
  }
}
