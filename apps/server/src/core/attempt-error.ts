/**
 * Codes that deliveries have besides those of an exchange (egress/error-code.ts) and `http_<status>`: stable, stored, and
 * shown to customers in these words, in docs/retries.md and the OpenAPI document too.
 */

/** An attempt that failed on our side: it says nothing of the endpoint. */
export const FAULTS = {
  /** What is stored of the endpoint does not open: nothing can be sent. */
  secret_unreadable: 'the stored secret, headers or config of this endpoint cannot be opened; set them anew',
  /** Something nobody foresaw. Whatever it is, the delivery must end some day, and not be tried for ever. */
  internal_error: 'this failed inside Postrider and not at the endpoint; its log says why',
} as const;

export type FaultCode = keyof typeof FAULTS;

const OURS: ReadonlySet<string> = new Set([...Object.keys(FAULTS), 'closed', 'aborted']);

/** Whether an attempt with this code failed on our side, in an exchange or before it. */
export function isOurs(code: string): boolean {
  return OURS.has(code);
}

/** Attempts at brokers; what to do about them, and what opens the circuit, is in docs/destinations.md. */
export const BROKER_ERRORS = {
  broker_unreachable: 'no connection to the broker, or it broke, or the broker is not well',
  broker_unauthorized: 'the credentials are wrong, or may not publish there',
  broker_no_such_queue: 'the stream, queue or topic is not there',
  broker_too_large: 'the message is over the limit of broker or queue',
  broker_rejected: 'the broker said no for another reason',
} as const;

export type BrokerErrorCode = keyof typeof BROKER_ERRORS;

/** Why a delivery ended untried: in its `last_error`, and in no attempt. */
export const ENDINGS = {
  endpoint_deleted: 'the endpoint, or its application, was deleted while this was due to it',
  endpoint_disabled: 'the endpoint was switched off while this was due to it',
  message_missing: 'its message is not there any more',
} as const;

export type EndingCode = keyof typeof ENDINGS;
