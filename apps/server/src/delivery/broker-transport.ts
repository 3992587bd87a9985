import { type BrokerFailure, failureOf } from '../brokers/failure.ts';
import type { Destination } from '../brokers/publishers.ts';
import type { BrokerErrorCode } from '../core/attempt-error.ts';
import { bodyIn } from '../core/body-format.ts';
import type { BrokerType } from '../core/broker/all.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { publicId } from '../core/ids.ts';
import { maskHeaders } from '../core/mask.ts';
import type { LeasedDelivery } from '../store/lease.ts';
import { within } from '../within.ts';
import { ownHeaders } from './signing.ts';
import type { Sent, Transport } from './transport.ts';

/** What it publishes with: brokers/publishers.ts. */
export interface Publishing {
  publish(
    destination: Destination,
    message: {
      readonly body: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly group: string | null;
      readonly dedupeId: string;
    },
  ): Promise<void>;
}

const NO_TIMINGS = { dns: null, connect: null, tls: null, first_byte: null };

/**
 * A signed message to a customer's queue: what a webhook would have as its body and headers. The body is what is signed, so
 * whoever reads it from the queue verifies it as a webhook.
 */
export class BrokerTransport implements Transport {
  readonly #type: BrokerType;
  readonly #publishers: Publishing;

  constructor(type: BrokerType, publishers: Publishing) {
    this.#type = type;
    this.#publishers = publishers;
  }

  async send(endpoint: Endpoint, delivery: LeasedDelivery): Promise<Sent> {
    const startedAt = performance.now();
    const body = bodyIn(endpoint.bodyFormat, delivery);
    const { 'user-agent': _, ...signed } = ownHeaders(endpoint, publicId('msg', delivery.messageId), Date.now(), body);
    const custom = { ...endpoint.headers, ...delivery.headers };
    const ours = { ...signed, 'event-type': delivery.eventType };
    const published = this.#publishers.publish(
      { id: endpoint.id, type: this.#type, config: endpoint.config ?? {} },
      {
        body,
        headers: { ...custom, ...ours },
        group: endpoint.ordering === 'fifo' ? publicId('ep', endpoint.id) : null,
        dedupeId: dedupeIdOf(delivery),
      },
    );
    const outcome = published.then(
      () => null,
      (error: unknown) => told(failureOf(error)),
    );
    const failure = await within(endpoint.timeoutSeconds * 1_000, outcome, () => TOO_LATE);
    return {
      url: endpoint.url,
      requestHeaders: { ...maskHeaders(custom), ...ours },
      durationMs: performance.now() - startedAt,
      timings: NO_TIMINGS,
      answer: failure ? { kind: 'error', ...failure } : { kind: 'published' },
    };
  }
}

/**
 * Of one try: a broker that remembers drops what a worker sent that died before it could write it down. Not of the
 * delivery: one that is replayed is to be there once more, and its later tries look like any others.
 */
function dedupeIdOf({ id, attemptCount }: LeasedDelivery): string {
  return `${publicId('dlv', id)}-${attemptCount + 1}`;
}

const TOO_LATE = { code: 'timeout', message: 'the broker has not confirmed it in time' };

const CODES: Readonly<Record<BrokerFailure['code'], BrokerErrorCode | 'egress_blocked'>> = {
  egress_blocked: 'egress_blocked',
  unreachable: 'broker_unreachable',
  unauthorized: 'broker_unauthorized',
  no_such_queue: 'broker_no_such_queue',
  too_large: 'broker_too_large',
  rejected: 'broker_rejected',
  misconfigured: 'broker_rejected',
  unsupported: 'broker_rejected',
};

function told({ code, message }: BrokerFailure): { code: string; message: string } {
  return { code: CODES[code], message };
}
