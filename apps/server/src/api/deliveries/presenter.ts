import type { Hold } from '../../core/hold.ts';
import { attemptId, publicId, timeOf } from '../../core/ids.ts';
import type { AttemptRow } from '../../store/attempt.ts';
import type { DeliveryRow } from '../../store/delivery.ts';

export function presentDelivery(row: DeliveryRow) {
  return {
    id: publicId('dlv', row.id),
    message_id: publicId('msg', row.message_id),
    endpoint_id: publicId('ep', row.endpoint_id),
    app_id: publicId('app', row.application_id),
    event_type: row.event_type,
    status: row.status,
    attempt_count: row.attempt_count,
    next_attempt_at: row.due_at?.toISOString() ?? null,
    last_status_code: row.last_status_code,
    last_error: row.last_error,
    // A delivery made later for an older message repeats that message's time: it is listed where the message is.
    created_at: new Date(timeOf(row.id)).toISOString(),
    completed_at: row.completed_at?.toISOString() ?? null,
  };
}

export function presentHold({ heldBy, heldUntil, waitsFor }: Hold) {
  return {
    held_by: heldBy,
    held_until: heldUntil?.toISOString() ?? null,
    waits_for: waitsFor && publicId('dlv', waitsFor),
  };
}

/** A broker that has it answers nothing. */
export function isSuccess({ error_code }: Pick<AttemptRow, 'error_code'>): boolean {
  return error_code === null;
}

export function presentAttempt(row: AttemptRow) {
  return {
    id: publicId('att', attemptId(row.delivery_id, row.number)),
    number: row.number,
    trigger: row.trigger,
    status: isSuccess(row) ? ('success' as const) : ('failure' as const),
    url: row.url,
    request_headers: row.request_headers,
    response_status: row.response_status,
    response_headers: row.response_headers,
    response_body: row.response_body,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? describe(row) },
    duration_ms: row.duration_ms,
    timings: { ...row.timings },
    started_at: row.started_at.toISOString(),
  };
}

function describe(row: AttemptRow): string {
  return `the endpoint answered ${row.response_status}; only 2xx is a success`;
}
