import type { QueueErrorCode } from '@postrider/queues';
import { EgressError } from '../egress/error-code.ts';

/** Why a broker did not take a message, or would not; the message is for people and holds no secret. */
export interface BrokerFailure {
  readonly code: QueueErrorCode | 'egress_blocked';
  readonly message: string;
}

export function failureOf(error: unknown): BrokerFailure {
  const message = storable(error instanceof Error ? error.message : 'unknown');
  if (error instanceof EgressError) return { code: 'egress_blocked', message };
  return { code: isQueueError(error) ? error.code : 'unreachable', message };
}

/** What PostgreSQL takes: a server may say of an error what is no text, and one that is refused would stay untold. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** Whether it is a broker that says so, or what keeps us from it. */
export function isOfBroker(error: unknown): boolean {
  return error instanceof EgressError || isQueueError(error);
}

/** By its name: its class comes with the adapters, which are loaded on first use. */
function isQueueError(error: unknown): error is Error & { readonly code: QueueErrorCode } {
  return error instanceof Error && error.name === 'QueueError';
}
