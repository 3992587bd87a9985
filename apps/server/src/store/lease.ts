import type { DeliveryStatus, Trigger } from '../core/delivery.ts';
import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/**
 * Who may send a delivery, and for how long. A claim raises the row's `lease` (the fencing token) and sets `due_at` to
 * the lease's end; a result counts only while the row's lease is still the claim's. All times are the database's clock,
 * so processes whose own clocks differ agree.
 */

/** A delivery that this process holds the lease of, with all that is needed to send it. */
export interface LeasedDelivery {
  readonly id: Uuid;
  readonly messageId: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly endpointId: Uuid;
  readonly eventType: string;
  readonly trigger: Trigger;
  /** Attempts recorded so far. */
  readonly attemptCount: number;
  readonly lease: number;
  readonly payload: string;
  /** The message's own headers, lower-case names. */
  readonly headers: Readonly<Record<string, string>> | null;
}

/** Added to an endpoint's deadline: queueing in the process, and recording the result. */
export const LEASE_MARGIN_MS = 10_000;

// The lease outlives the deadline of its endpoint; of an endpoint that is gone, the longest there is.
const claim = statement<LeasedDelivery>(
  'lease_claim',
  `with due as (
     select id, message_id, endpoint_id from delivery
     where status = 'PENDING' and due_at <= now() and endpoint_id <> all($3::uuid[])
     order by due_at limit $1 for update skip locked
   )
   update delivery d
   set status = 'SENDING', lease = d.lease + 1,
       due_at = now() + coalesce(e.timeout_seconds, 60) * interval '1 second' + $2 * interval '1 millisecond'
   from due join message m on m.id = due.message_id left join endpoint e on e.id = due.endpoint_id
   where d.id = due.id
   returning d.id, d.message_id as "messageId", d.environment_id as "environmentId",
     d.application_id as "applicationId", d.endpoint_id as "endpointId", d.event_type as "eventType", d.trigger,
     d.attempt_count as "attemptCount", d.lease, m.payload, m.headers`,
);

/**
 * Leases up to `limit` deliveries that are due. A row that another process is claiming is passed over, not waited for.
 *
 * @param except endpoints whose deliveries are left where they are: there would be no place to send them from.
 */
export async function claimDue(db: Queryable, limit: number, except: readonly Uuid[] = []): Promise<LeasedDelivery[]> {
  return db.query(claim, [limit, LEASE_MARGIN_MS, except]);
}

/** One attempt and what it decided. */
export interface AttemptResult {
  readonly delivery: LeasedDelivery;
  readonly number: number;
  readonly status: Extract<DeliveryStatus, 'PENDING' | 'SENT' | 'FAILED'>;
  /** PENDING only: milliseconds to the next attempt. */
  readonly delayMs: number | null;
  readonly url: string;
  /** JSON object. */
  readonly requestHeaders: string;
  readonly responseStatus: number | null;
  /** JSON object. */
  readonly responseHeaders: string | null;
  readonly responseBody: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly durationMs: number;
  /** JSON object {dns, connect, tls, first_byte}. */
  readonly timings: string;
  readonly startedAt: Date;
}

// PENDING with the same lease is our own row after the rescuer freed it and before anybody took it: the result is still
// the newest there is. It is also this statement run twice, when the answer to its first run got lost.
const record = statement<{ delivery_id: Uuid }>(
  'lease_record',
  `with result as (
     select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::float8[], $6::text[], $7::text[],
                          $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::text[],
                          $15::timestamptz[], $16::text[])
       as r(id, lease, number, status, delay_ms, url, request_headers, response_status, response_headers, response_body,
            error_code, error_message, duration_ms, timings, started_at, trigger)
   ), recorded as (
     update delivery d
     set status = r.status, attempt_count = r.number, trigger = 'scheduled',
         due_at = case r.status when 'PENDING' then now() + r.delay_ms * interval '1 millisecond' end,
         completed_at = case r.status when 'PENDING' then null else now() end,
         last_status_code = r.response_status, last_error = r.error_code
     from result r
     where d.id = r.id and d.lease = r.lease and d.status in ('SENDING', 'PENDING')
     returning d.environment_id, r.*
   ), tried as (
     insert into attempt (delivery_id, number, environment_id, trigger, url, request_headers, response_status,
       response_headers, response_body, error_code, error_message, duration_ms, timings, started_at)
     select id, number, environment_id, trigger, url, request_headers::json, response_status, response_headers::json,
       response_body, error_code, error_message, duration_ms, timings::json, started_at
     from recorded
     on conflict do nothing
   )
   select id as delivery_id from recorded`,
);

/** @returns the ids of the deliveries whose lease still was ours. The results of the others are dropped. */
export async function recordAttempts(db: Queryable, results: readonly AttemptResult[]): Promise<Set<Uuid>> {
  const rows = await db.query(record, [
    results.map((result) => result.delivery.id),
    results.map((result) => result.delivery.lease),
    results.map((result) => result.number),
    results.map((result) => result.status),
    results.map((result) => result.delayMs),
    results.map((result) => result.url),
    results.map((result) => result.requestHeaders),
    results.map((result) => result.responseStatus),
    results.map((result) => result.responseHeaders),
    results.map((result) => result.responseBody),
    results.map((result) => result.errorCode),
    results.map((result) => result.errorMessage),
    results.map((result) => result.durationMs),
    results.map((result) => result.timings),
    results.map((result) => result.startedAt),
    results.map((result) => result.delivery.trigger),
  ]);
  return new Set(rows.map((row) => row.delivery_id));
}

const fail = statement(
  'lease_fail',
  `update delivery set status = 'FAILED', due_at = null, completed_at = now(), last_error = $3
   where id = $1 and lease = $2 and status = 'SENDING'`,
);

/** Ends a delivery that was not even tried. */
export async function failUntried(db: Queryable, delivery: LeasedDelivery, error: string): Promise<void> {
  await db.query(fail, [delivery.id, delivery.lease, error]);
}

const giveBack = statement(
  'lease_give_back',
  `update delivery set status = 'PENDING', due_at = now() + $3 * interval '1 millisecond'
   where id = $1 and lease = $2 and status = 'SENDING'`,
);

/** Gives a delivery back, due in `delayMs`, with no attempt spent. */
export async function giveBackLease(db: Queryable, delivery: LeasedDelivery, delayMs: number): Promise<void> {
  await db.query(giveBack, [delivery.id, delivery.lease, delayMs]);
}

const rescue = statement<{ id: Uuid }>(
  'lease_rescue',
  `update delivery set status = 'PENDING', due_at = now()
   where id = any(array(
     select id from delivery where status = 'SENDING' and due_at <= now() + $2 * interval '1 millisecond'
     order by due_at limit $1 for update skip locked)) and status = 'SENDING'
   returning id`,
);

/**
 * Frees deliveries whose lease has ended: their worker died or froze. The lease number stays, so that a worker that was
 * merely slow can still say how it went, until somebody else claims the row.
 *
 * @param withinMs also free leases that would only end within this time; for a start at which no other process can be.
 * @returns how many were freed, at most `limit`.
 */
export async function rescueExpired(db: Queryable, limit: number, withinMs = 0): Promise<number> {
  return (await db.query(rescue, [limit, withinMs])).length;
}
