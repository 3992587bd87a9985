import type { Uuid } from '../../apps/server/src/core/ids.ts';
import { type Queryable, statement } from '../../apps/server/src/store/database.ts';
import { EVENT_TYPE, PAYLOAD } from '../workload.ts';

/** Where stored deliveries belong to: endpoint n is of application n. */
export interface Tenants {
  readonly environmentId: Uuid;
  readonly applications: readonly Uuid[];
  readonly endpoints: readonly Uuid[];
}

/** Which of the rows are made, and when their messages came: number n at `firstAt` + n × `stepMs` (ms since 1970). */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly firstAt: number;
  readonly stepMs: number;
}

// Ids as core/ids.ts makes them: time, sequence, random bits, and the delivery's the first half of its message's.
// Every tenth goes to the first endpoint, so that one of them has a full page in each day at every size.
const stored = `stored as (
    select n, at, endpoint, application, environment,
      (head || '-8' || substr(random, 1, 3) || '-' || substr(random, 4, 12))::uuid as message,
      (head || '-8' || substr(random, 16, 3) || '-' || substr(random, 19, 9) || '000')::uuid as delivery
    from (
      select n, at, random, $1::uuid as environment, ($2::uuid[])[place] as application,
        ($3::uuid[])[place] as endpoint,
        substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-7' || lpad(to_hex(n % 4096), 3, '0') as head
      from (
        select n, at, lpad(to_hex(at), 12, '0') as hex, md5(n::text) as random,
          case when n % 10 = 0 or cardinality($3::uuid[]) = 1 then 1
               else 2 + n % (cardinality($3::uuid[]) - 1) end as place
        from (
          select n, ($6::float8 + n * $7::float8)::bigint as at from generate_series($4::integer, $5::integer) n
        ) as numbered
      ) as timed
    ) as placed
  ), messages as (
    insert into message (id, environment_id, application_id, event_type, payload, matching)
    select message, environment, application, $8, $9,
      json_build_array(json_build_object('endpoint_id', endpoint, 'matched', true, 'reason', 'all_events'))
    from stored
  )`;

// One in twenty has failed; each has had one attempt.
const finished = statement(
  'bench_finished',
  `with ${stored}, attempts as (
     insert into attempt (delivery_id, number, environment_id, trigger, url, request_headers, response_status,
       response_headers, response_body, error_code, duration_ms, timings, started_at)
     select delivery, 1, environment, 'scheduled', 'https://receiver.example/hooks',
       json_build_object('content-type', 'application/json', 'user-agent', 'Postrider/1.0', 'webhook-id', message,
         'webhook-timestamp', at / 1000, 'webhook-signature', 'v1,' || md5(n::text) || '0123456789='),
       case when n % 20 = 7 then 503 else 200 end,
       '{"content-type":"text/plain; charset=utf-8","content-length":"3"}', 'ok', case when n % 20 = 7 then 'http_503' end,
       12, '{"dns":null,"connect":null,"tls":null,"first_byte":12}', to_timestamp(at / 1000.0)
     from stored
   )
   insert into delivery (id, message_id, environment_id, application_id, endpoint_id, event_type, status, attempt_count,
     lease, last_status_code, last_error, completed_at)
   select delivery, message, environment, application, endpoint, $8, case when n % 20 = 7 then 'FAILED' else 'SENT' end, 1,
     1, case when n % 20 = 7 then 503 else 200 end, case when n % 20 = 7 then 'http_503' end, to_timestamp(at / 1000.0)
   from stored`,
);

const due = statement(
  'bench_due',
  `with ${stored}
   insert into delivery (id, message_id, environment_id, application_id, endpoint_id, event_type, status, due_at)
   select delivery, message, environment, application, endpoint, $8, 'PENDING', to_timestamp(at / 1000.0) from stored`,
);

/** What was delivered, or failed, some time ago. */
export function insertFinished(db: Queryable, tenants: Tenants, stretch: Stretch): Promise<unknown> {
  return db.query(finished, valuesOf(tenants, stretch));
}

/** What waits since its message came. Its lanes are not told. */
export function insertDue(db: Queryable, tenants: Tenants, stretch: Stretch): Promise<unknown> {
  return db.query(due, valuesOf(tenants, stretch));
}

const backToDue = statement(
  'bench_back_to_due',
  `update delivery set status = 'PENDING', attempt_count = 0, lease = lease + 1, due_at = now() - interval '1 hour',
     last_status_code = null, last_error = null, completed_at = null
   where endpoint_id = any($1::uuid[]) and (status <> 'PENDING' or attempt_count > 0)`,
);

const limit = statement('bench_limit', 'update endpoint set rate_limit = $2 where id = any($1::uuid[])');

const calmLane = statement(
  'bench_calm_lane',
  `update lane set next_at = null, held_until = null, held_by = null, served_at = null, in_flight = 0, is_blocked = false,
     head_id = null, tokens_at = null, resumed_at = null, circuit = 'closed', openings = 0, opened_at = null
   where endpoint_id = any($1::uuid[])`,
);

/** As if nobody had tried any of what these endpoints are owed. A change of their rate limit wakes their lanes. */
export async function calmDown(db: Queryable, endpoints: readonly Uuid[], rateLimit: number): Promise<void> {
  await db.query(backToDue, [endpoints]);
  await db.query(limit, [endpoints, rateLimit]);
  await db.query(calmLane, [endpoints]);
}

function valuesOf({ environmentId, applications, endpoints }: Tenants, { from, to, firstAt, stepMs }: Stretch) {
  return [environmentId, applications, endpoints, from, to, firstAt, stepMs, EVENT_TYPE, JSON.stringify(PAYLOAD)];
}
