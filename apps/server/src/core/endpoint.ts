import type { BrokerType } from './broker/all.ts';
import type { BrokerConfig } from './broker/form.ts';
import type { CircuitState } from './circuit.ts';
import type { BodyFormat } from './environment.ts';
import type { Uuid } from './ids.ts';
import type { RetryPolicySetting } from './retry-policy.ts';
import type { SignatureSetting } from './signature.ts';

export type EndpointType = 'webhook' | BrokerType;

/**
 * - `active`: gets deliveries.
 * - `paused`: matches, but what it gets is held until it is resumed.
 * - `disabled`: does not match. Somebody or something switched it off; `disabledReason` says what.
 */
export type EndpointStatus = 'active' | 'paused' | 'disabled';

/**
 * Why an endpoint is disabled. Shown as `disabled_reason`.
 *
 * - `by_request`: somebody switched it off
 * - `gone`: it answered 410
 * - `retries_exhausted`: a delivery failed for the last time, and its retry policy says so
 * - `failing`: nothing but failures for days (failing.ts)
 */
export type DisabledReason = 'by_request' | 'gone' | 'retries_exhausted' | 'failing';

/** `fifo`: one at a time, in the order in which the messages were accepted. */
export type Ordering = 'none' | 'fifo';

/** What is known of the endpoint's circuit breaker; see circuit.ts. */
export interface Circuit {
  readonly state: CircuitState;
  readonly openedAt: Date | null;
  readonly nextProbeAt: Date | null;
  /** How often it has opened in a row. */
  readonly openings: number;
}

/** A secret that was rotated away and signs along until `until`, milliseconds since 1970. */
export interface OldSecret {
  readonly secret: string;
  readonly until: number;
}

/** An endpoint as the engine uses it, its secrets open. Never logged, never shown. */
export interface Endpoint {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  /** Its owner's own id of it, if any. */
  readonly uid: string | null;
  readonly type: EndpointType;
  /** Of a broker: where it leads, for people. */
  readonly url: string;
  /** How a broker is reached and as whom, secrets open; null for webhooks. */
  readonly config: BrokerConfig | null;
  /** Made by a send to its URL. It matches nothing that is published, and its application may have very many. */
  readonly isDirect: boolean;
  readonly events: readonly string[];
  /** Null: not filtered by channel. */
  readonly channels: readonly string[] | null;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Sent with every delivery, lower-case names. Values may be secret. */
  readonly headers: Readonly<Record<string, string>>;
  /** False where its stored secret, headers or config do not open: then those are empty here, and nothing can be sent. */
  readonly isReadable: boolean;
  /** `whsec_…`, or an ed25519 key of its owner's own, `whsk_…`; as shown to its owner. */
  readonly secret: string;
  /** The bytes of a `whsec_` secret. */
  readonly signingKey: Uint8Array;
  /** Some may have ended: whoever signs looks at the clock. */
  readonly oldSecrets: readonly OldSecret[];
  /** Its own, or its environment's. */
  readonly bodyFormat: BodyFormat;
  readonly signature: SignatureSetting;
  /** What its owner has set; null: the environment's. */
  readonly own: { readonly bodyFormat: BodyFormat | null; readonly signature: SignatureSetting | null };
  readonly retryPolicy: RetryPolicySetting;
  /** Total deadline of one attempt, 1-60. */
  readonly timeoutSeconds: number;
  /** Deliveries per second over all processes; null for no limit. */
  readonly rateLimit: number | null;
  /** Deliveries in flight at once over all processes; null for no limit. */
  readonly maxInFlight: number | null;
  readonly ordering: Ordering;
  readonly circuit: Circuit;
  readonly status: EndpointStatus;
  readonly disabledReason: DisabledReason | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Enough to name an endpoint and to tell those who remember it. */
export type EndpointRef = Pick<Endpoint, 'id' | 'environmentId' | 'applicationId'>;

export const DEFAULT_TIMEOUT_SECONDS = 30;
export const MAX_TIMEOUT_SECONDS = 60;

/** True where its lane counts what is in flight, over all processes: only deliveries that are counted may be sent. */
export function isCounted(endpoint: Endpoint): boolean {
  return endpoint.maxInFlight !== null || endpoint.ordering !== 'none';
}

/**
 * True where a delivery may be sent as soon as it is committed. All others go through the endpoint's lane, where holds,
 * limits and order are kept for all processes.
 */
export function isUngoverned(endpoint: Endpoint): boolean {
  return (
    endpoint.status === 'active' &&
    endpoint.circuit.state === 'closed' &&
    endpoint.rateLimit === null &&
    !isCounted(endpoint)
  );
}
