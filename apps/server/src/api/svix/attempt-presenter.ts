import type { DeliveryStatus } from '../../core/delivery.ts';
import { attemptId, publicId } from '../../core/ids.ts';
import type { AttemptOfDelivery } from '../../store/attempt.ts';
import { isSuccess } from '../deliveries/presenter.ts';

/** How things stand, as numbers and as words. There is a 4, canceled, of which we have none. */
export const STATUS = { SENT: 0, PENDING: 1, FAILED: 2, SENDING: 3 } as const satisfies Record<DeliveryStatus, number>;
const WORDS = { SENT: 'success', PENDING: 'pending', FAILED: 'fail', SENDING: 'sending' } as const;

export function presentStatus(status: DeliveryStatus) {
  return { status: STATUS[status], statusText: WORDS[status] };
}

/** Made by the schedule, or because somebody wanted it. */
const TRIGGER = { scheduled: 0, probe: 0, manual: 1, test: 1, replay: 1 } as const;

/** @param withContent whether the answer's body is shown. */
export function presentAttemptOut(row: AttemptOfDelivery, withContent: boolean) {
  return {
    id: publicId('att', attemptId(row.delivery_id, row.number)),
    msgId: publicId('msg', row.message_id),
    endpointId: publicId('ep', row.endpoint_id),
    url: row.url,
    // Without an answer: why there is none.
    response: withContent ? (row.response_body ?? row.error_message ?? row.error_code ?? '') : '',
    responseStatusCode: row.response_status ?? 0,
    responseDurationMs: row.duration_ms,
    ...presentStatus(isSuccess(row) ? 'SENT' : 'FAILED'),
    triggerType: TRIGGER[row.trigger],
    timestamp: row.started_at.toISOString(),
  };
}
