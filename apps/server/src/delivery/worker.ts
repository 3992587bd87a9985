import { type Decision, decide } from '../core/delivery.ts';
import type { DisabledReason, Endpoint, EndpointType } from '../core/endpoint.ts';
import { publicId, type Uuid } from '../core/ids.ts';
import { retryPolicy } from '../core/retry-policy.ts';
import type { Log } from '../log.ts';
import type { Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import {
  type AttemptResult,
  claimDue,
  failUntried,
  giveBackLease,
  LEASE_MARGIN_MS,
  type LeasedDelivery,
} from '../store/lease.ts';
import type { Recorder } from './recorder.ts';
import { Signal } from './signal.ts';
import { Slots } from './slots.ts';
import type { Sent, Transport } from './transport.ts';

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
const CLAIM_BATCH = 100;
const POLL_MS = 500;
/** When a delivery that could not be sent now is looked at again. */
const HOLD_MS = 1_000;

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
  #loop: Promise<void> = Promise.resolve();
  #isRunning = false;
  /** More was due than there was room for: claim again as soon as a slot is free. */
  #hasBacklog = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
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
    this.#hasBacklog = true;
    if (this.#slots.free > 0) this.#work.fire();
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
      .finally(() => this.#free(delivery.endpointId));
  }

  #free(endpointId: Uuid): void {
    this.#slots.giveBack(endpointId);
    this.#done.fire();
    if (this.#hasBacklog) this.#work.fire();
  }

  async #claimLoop(): Promise<void> {
    while (this.#isRunning) {
      try {
        await this.#claim();
      } catch (error) {
        this.#options.log.warn({ err: error }, 'due deliveries cannot be claimed; trying again');
      }
      if (this.#isRunning && !(this.#hasBacklog && this.#slots.free > 0)) await this.#work.wait(POLL_MS);
    }
  }

  async #claim(): Promise<void> {
    const limit = Math.min(this.#slots.free, CLAIM_BATCH);
    if (limit === 0) return;
    this.#hasBacklog = false;
    const leasedAt = performance.now();
    const claimed = await claimDue(this.#options.db, limit, this.#slots.saturated());
    if (claimed.length === limit) this.#hasBacklog = true;
    await Promise.all(
      claimed.map(async (delivery) => {
        if (this.#slots.take(delivery.endpointId)) this.deliver(delivery, leasedAt);
        else await giveBackLease(this.#options.db, delivery, HOLD_MS);
      }),
    );
  }

  async #process(delivery: LeasedDelivery, leasedAt: number): Promise<void> {
    const { db, endpoints } = this.#options;
    const { environmentId, applicationId, endpointId } = delivery;
    const endpoint = await endpoints.endpoint(environmentId, applicationId, endpointId, leasedAt);
    if (!endpoint) return failUntried(db, delivery, 'endpoint_deleted');
    if (endpoint.status === 'disabled') return failUntried(db, delivery, 'endpoint_disabled');
    if (endpoint.status === 'paused') return giveBackLease(db, delivery, HOLD_MS);
    // A process that was frozen, or starved, wakes to leases that end before its request would.
    if (performance.now() - leasedAt > LEASE_MARGIN_MS / 2) return giveBackLease(db, delivery, 0);

    const startedAt = new Date();
    const sent = await this.#options.transports[endpoint.type].send(endpoint, delivery);
    const number = delivery.attemptCount + 1;
    const decision = decide(answerOf(sent), retryPolicy(endpoint.retryPolicy), number, Date.now(), Math.random());
    const recorded = await this.#options.recorder.record(resultOf(delivery, number, sent, decision, startedAt));
    // After the record: that it was sent must not be lost because switching off fails.
    if (decision.status === 'FAILED' && decision.disable) await this.#options.disable(endpoint, decision.disable);
    this.#options.log.debug(
      {
        delivery_id: publicId('dlv', delivery.id),
        message_id: publicId('msg', delivery.messageId),
        endpoint_id: publicId('ep', delivery.endpointId),
        event_type: delivery.eventType,
        number,
        trigger: delivery.trigger,
        status: decision.status,
        ...(sent.answer.kind === 'response' ? { status_code: sent.answer.status } : { error: sent.answer.code }),
        duration_ms: sent.durationMs,
        ...sent.timings,
        recorded,
      },
      'attempt',
    );
    if (recorded === 'lease_lost') {
      this.#options.log.warn({ delivery_id: publicId('dlv', delivery.id), number }, 'lease lost; result dropped');
    }
  }
}

function answerOf({ answer }: Sent) {
  return answer.kind === 'response'
    ? ({ kind: 'response', status: answer.status, retryAfter: answer.headers['retry-after'] } as const)
    : answer;
}

function resultOf(
  delivery: LeasedDelivery,
  number: number,
  sent: Sent,
  decision: Decision,
  startedAt: Date,
): AttemptResult {
  const { answer } = sent;
  const isResponse = answer.kind === 'response';
  return {
    delivery,
    number,
    status: decision.status,
    delayMs: decision.status === 'PENDING' ? decision.delayMs : null,
    url: sent.url,
    requestHeaders: JSON.stringify(sent.requestHeaders),
    responseStatus: isResponse ? answer.status : null,
    responseHeaders: isResponse ? JSON.stringify(answer.headers) : null,
    responseBody: isResponse ? answer.body : null,
    errorCode: isResponse ? (decision.status === 'SENT' ? null : `http_${answer.status}`) : answer.code,
    errorMessage: isResponse ? null : answer.message,
    durationMs: Math.round(sent.durationMs),
    timings: JSON.stringify(sent.timings),
    startedAt,
  };
}
