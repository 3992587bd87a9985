import type { EndingCode } from '../core/attempt-error.ts';
import type { DeliveryStatus, Trigger } from '../core/delivery.ts';
import type { Uuid } from '../core/ids.ts';
import { booleanArray, floatArray, integerArray, textArray, uuidArray } from './array.ts';
import { type Queryable, statement } from './database.ts';
import { leaseEndSql } from './lease-watch.ts';

/**
 * Who may send a delivery, and for how long. A claim raises the row's `lease` (the fencing token) and sets `leased_until` to
 * the lease's end; a result counts only while the row's lease is still the claim's. All times are the database's clock,
 * so processes whose own clocks differ agree. Who frees what was left lying: lease-watch.ts.
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
  /** The producer's own id of the event, if it gave one. */
  readonly eventId: string | null;
  /** The message's own headers, lower-case names. */
  readonly headers: Readonly<Record<string, string>> | null;
  /** Its result decides whether the circuit closes. */
  readonly isProbe: boolean;
  /** Its lane counts what is in flight: the result frees a place. */
  readonly isCounted: boolean;
}

/** Added to an endpoint's deadline: queueing in the process, and recording the result. */
export const LEASE_MARGIN_MS = 10_000;

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

/**
 * SQL that tells the lanes what became of deliveries: `source` names a query of (endpoint_id, status, due_at, is_counted).
 * A retry makes its lane ready when it is due; a counted delivery frees its place, and the head of a fifo lane that is
 * finished makes way.
 *
 * An upsert, in the one order in which lanes are locked. The row it would insert carries the change: `in_flight` is
 * minus the places freed, `is_blocked` says that a head has ended.
 */
function informLanesSql(source: string): string {
  return `insert into lane as l (endpoint_id, next_at, in_flight, is_blocked)
    select endpoint_id, case when bool_or(is_counted) then statement_timestamp() else min(due_at) end,
      -(count(*) filter (where is_counted))::integer, bool_or(is_counted and status <> 'PENDING')
    from ${source} where status = 'PENDING' or is_counted group by endpoint_id order by endpoint_id
    on conflict (endpoint_id) do update set
      next_at = least(l.next_at, excluded.next_at),
      is_blocked = l.is_blocked and excluded.in_flight = 0,
      in_flight = greatest(0, l.in_flight + excluded.in_flight),
      head_id = case when not excluded.is_blocked then l.head_id end
    where not l.is_blocked or excluded.in_flight < 0`;
}

// PENDING with the same lease is our own row after the rescuer freed it and before anybody took it: the result is still
// the newest there is. Run twice, when the answer to its first run got lost, the statement finds its own attempt counted
// already. Where places are counted, whoever ended SENDING has freed the place, and nobody may free it twice: there,
// only SENDING will do.
const recordSql = (inform: string) => `
   with result as (
     select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::float8[], $6::text[], $7::text[],
                          $8::integer[], $9::text[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::text[],
                          $15::float8[], $16::text[], $17::boolean[])
       as r(id, lease, number, status, delay_ms, url, request_headers, response_status, response_headers, response_body,
            error_code, error_message, duration_ms, timings, started_ms, trigger, is_counted)
   ), recorded as (
     update delivery d
     set status = r.status, attempt_count = r.number, trigger = 'scheduled',
         due_at = case r.status when 'PENDING' then statement_timestamp() + r.delay_ms * interval '1 millisecond' end,
         completed_at = case r.status when 'PENDING' then null else statement_timestamp() end,
         last_status_code = r.response_status, last_error = r.error_code
     from result r
     where d.id = r.id and d.lease = r.lease and d.attempt_count < r.number
       and (d.status = 'SENDING' or (d.status = 'PENDING' and not r.is_counted))
     returning d.environment_id, d.endpoint_id, d.due_at, r.*
   ), tried as (
     insert into attempt (delivery_id, number, environment_id, trigger, url, request_headers, response_status,
       response_headers, response_body, error_code, error_message, duration_ms, timings, started_at)
     select id, number, environment_id, trigger, url, request_headers::json, response_status, response_headers::json,
       response_body, error_code, error_message, duration_ms, timings::json, to_timestamp(started_ms / 1000)
     from recorded
   )${inform}
   select case when count(*) < cardinality($1::uuid[]) then coalesce(array_agg(id)::text[], '{}') end as some
   from recorded`;

/** Null where all were recorded, as mostly: then no row for each needs to be sent and read. */
interface RecordRow {
  readonly some: readonly Uuid[] | null;
}

// Apart, because most attempts succeed and their lanes need not hear of it (see acceptance.ts).
const record = statement<RecordRow>('lease_record', recordSql(''));
const recordAndInform = statement<RecordRow>(
  'lease_record_and_inform',
  recordSql(`, informed as (
     ${informLanesSql('recorded')}
   )`),
);

/** @returns the ids of the deliveries whose lease still was ours. The results of the others are dropped. */
export async function recordAttempts(db: Queryable, results: readonly AttemptResult[]): Promise<Set<Uuid>> {
  const concernsLanes = results.some(({ status, delivery }) => status === 'PENDING' || delivery.isCounted);
  const [recorded] = await db.query(concernsLanes ? recordAndInform : record, columnsOf(results));
  return new Set(recorded?.some ?? results.map(({ delivery }) => delivery.id));
}

/** Records nothing, for the database to plan the statements. */
export async function rehearseRecords(db: Queryable): Promise<void> {
  for (const each of [record, recordAndInform]) await db.query(each, columnsOf([]));
}

function columnsOf(results: readonly AttemptResult[]): unknown[] {
  return [
    uuidArray(results, ({ delivery }) => delivery.id),
    integerArray(results, ({ delivery }) => delivery.lease),
    integerArray(results, ({ number }) => number),
    textArray(results, ({ status }) => status),
    floatArray(results, ({ delayMs }) => delayMs),
    textArray(results, ({ url }) => url),
    textArray(results, ({ requestHeaders }) => requestHeaders),
    integerArray(results, ({ responseStatus }) => responseStatus),
    textArray(results, ({ responseHeaders }) => responseHeaders),
    textArray(results, ({ responseBody }) => responseBody),
    textArray(results, ({ errorCode }) => errorCode),
    textArray(results, ({ errorMessage }) => errorMessage),
    integerArray(results, ({ durationMs }) => durationMs),
    textArray(results, ({ timings }) => timings),
    floatArray(results, ({ startedAt }) => startedAt.getTime()),
    textArray(results, ({ delivery }) => delivery.trigger),
    booleanArray(results, ({ delivery }) => delivery.isCounted),
  ];
}

const release = statement(
  'lease_release',
  `with outcome as (
     select * from unnest($1::uuid[], $2::integer[], $3::float8[], $4::text[], $5::boolean[])
       as r(id, lease, delay_ms, error, is_counted)
   ), released as (
     update delivery d
     set status = case when r.error is null then 'PENDING' else 'FAILED' end,
         due_at = case when r.error is null then statement_timestamp() + r.delay_ms * interval '1 millisecond' end,
         completed_at = case when r.error is null then null else statement_timestamp() end,
         last_error = coalesce(r.error, d.last_error)
     from outcome r
     where d.id = r.id and d.lease = r.lease and d.status = 'SENDING'
     returning d.endpoint_id, d.status, d.due_at, r.is_counted
   )
   ${informLanesSql('released')}`,
);

/** A delivery that is let go untried: `error` ends it FAILED, else it is due again in `delayMs`. No attempt is spent. */
export interface Release {
  readonly delivery: LeasedDelivery;
  readonly delayMs: number;
  readonly error: EndingCode | null;
}

export async function releaseLeases(db: Queryable, releases: readonly Release[]): Promise<void> {
  await db.query(release, [
    releases.map(({ delivery }) => delivery.id),
    releases.map(({ delivery }) => delivery.lease),
    releases.map(({ delayMs }) => delayMs),
    releases.map(({ error }) => error),
    releases.map(({ delivery }) => delivery.isCounted),
  ]);
}

const takeOver = statement<{ id: Uuid; lease: number }>(
  'lease_take_over',
  `update delivery d set lease = d.lease + 1,
     leased_until = ${leaseEndSql('coalesce((select timeout_seconds from endpoint where id = d.endpoint_id), 60) * 1000 + $3')}
   from unnest($1::uuid[], $2::integer[]) as g(id, lease)
   where d.id = g.id and d.lease = g.lease and d.status = 'SENDING'
   returning d.id, d.lease`,
);

/**
 * Takes over the leases of whoever had them before: what they still have to say counts no longer. Those that have ended
 * meanwhile, or are somebody else's, stay as they are.
 *
 * @returns the new leases of those that were taken over, by id.
 */
export async function takeOverLeases(
  db: Queryable,
  deliveries: readonly Pick<LeasedDelivery, 'id' | 'lease'>[],
): Promise<Map<Uuid, number>> {
  const rows = await db.query(takeOver, [
    deliveries.map(({ id }) => id),
    deliveries.map(({ lease }) => lease),
    LEASE_MARGIN_MS,
  ]);
  return new Map(rows.map(({ id, lease }) => [id, lease]));
}
