import type { QueueErrorCode } from '@postrider/queues';
import { EgressError } from '../egress/error-code.ts';

/** Why a broker did not take a message, or would not; the message is for people and holds no secret. */
export interface BrokerFailure {
  readonly code: QueueErrorCode | 'egress_blocked';
  readonly message: string;
}

export function failureOf(error: unknown): BrokerFailure {
  if (error instanceof EgressError) return { code: 'egress_blocked', message: error.message };
  if (isQueueError(error)) return { code: error.code, message: error.message };
  return { code: 'unreachable', message: error instanceof Error ? error.message : 'unknown' };
}

/** Whether it is a broker that says so, or what keeps us from it. */
export function isOfBroker(error: unknown): boolean {
  return error instanceof EgressError || isQueueError(error);
}

/** By its name: its class comes with the adapters, which are loaded on first use. */
function isQueueError(error: unknown): error is Error & { readonly code: QueueErrorCode } {
  return error instanceof Error && error.name === 'QueueError';
}
