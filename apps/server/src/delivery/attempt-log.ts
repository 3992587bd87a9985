import type { Decision } from '../core/delivery.ts';
import { publicId } from '../core/ids.ts';
import type { Log } from '../log.ts';
import type { LeasedDelivery } from '../store/lease.ts';
import type { Recorded } from './recorder.ts';
import type { Sent } from './transport.ts';

/** One wide line per attempt. To be called only where it is wanted: putting it together costs as much as signing. */
export function logAttempt(
  log: Log,
  delivery: LeasedDelivery,
  sent: Sent,
  decision: Decision,
  recorded: Recorded,
): void {
  const delivery_id = publicId('dlv', delivery.id);
  const number = delivery.attemptCount + 1;
  if (recorded === 'lease_lost') log.warn({ delivery_id, number }, 'lease lost; result dropped');
  log.debug(
    {
      delivery_id,
      message_id: publicId('msg', delivery.messageId),
      endpoint_id: publicId('ep', delivery.endpointId),
      event_type: delivery.eventType,
      number,
      trigger: delivery.trigger,
      status: decision.status,
      ...outcomeOf(sent),
      duration_ms: sent.durationMs,
      ...sent.timings,
      recorded,
    },
    'attempt',
  );
}

function outcomeOf({ answer }: Sent): object {
  if (answer.kind === 'response') return { status_code: answer.status };
  return answer.kind === 'error' ? { error: answer.code } : {};
}

export function logFault(
  log: Log,
  delivery: LeasedDelivery,
  fault: { readonly code: string; readonly error: unknown },
): void {
  const about = { delivery_id: publicId('dlv', delivery.id), number: delivery.attemptCount + 1 };
  log.error({ ...about, err: fault.error, error: fault.code }, 'an attempt failed on our side');
}
