import type { FailingRule } from '../core/failing.ts';
import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** Endpoints that do nothing but fail (core/failing.ts). Times are the database's clock. */

export interface FailedEndpoint {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  /** Attempts that failed, since it was last noted and since its last success. */
  readonly failures: number;
}

// In the order of their keys, as every statement that locks several of these.
const note = statement(
  'failing_note',
  `insert into failing_endpoint as f (endpoint_id, environment_id, application_id, since, last_at, failures)
   select id, environment_id, application_id, statement_timestamp(), statement_timestamp(), failures
   from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[]) as u(id, environment_id, application_id, failures)
   order by id
   on conflict (endpoint_id) do update set
     since = case when excluded.last_at - f.last_at > $5 * interval '1 millisecond' then excluded.since else f.since end,
     failures = case when excluded.last_at - f.last_at > $5 * interval '1 millisecond' then 0 else f.failures end
                + excluded.failures,
     last_at = excluded.last_at`,
);

/** Goes on with each endpoint's run of failures, or begins one. */
export async function noteFailing(db: Queryable, endpoints: readonly FailedEndpoint[], rule: FailingRule) {
  await db.query(note, [
    endpoints.map(({ id }) => id),
    endpoints.map(({ environmentId }) => environmentId),
    endpoints.map(({ applicationId }) => applicationId),
    endpoints.map(({ failures }) => failures),
    rule.quietMs,
  ]);
}

const forget = statement(
  'failing_forget',
  `delete from failing_endpoint where endpoint_id = any(array(
     select endpoint_id from failing_endpoint where endpoint_id = any($1::uuid[]) order by endpoint_id for update))`,
);

/** Their runs are over: something was sent, or somebody changed the endpoint. */
export async function forgetFailing(db: Queryable, endpointIds: readonly Uuid[]): Promise<void> {
  await db.query(forget, [endpointIds]);
}

const read = statement<{ since: Date; failures: number }>(
  'failing_read',
  'select since, failures from failing_endpoint where endpoint_id = $2 and environment_id = $1',
);

/** The run of failures an endpoint is in, if it is in one. */
export async function readFailing(db: Queryable, environmentId: Uuid, endpointId: Uuid) {
  return (await db.query(read, [environmentId, endpointId]))[0];
}

const due = statement<FailedEndpoint & { since: Date }>(
  'failing_due',
  `select f.endpoint_id as id, f.environment_id as "environmentId", f.application_id as "applicationId", f.failures,
     f.since
   from failing_endpoint f join endpoint e on e.id = f.endpoint_id
   where f.since <= statement_timestamp() - $1 * interval '1 millisecond'
     and f.last_at >= f.since + $1 * interval '1 millisecond' and f.failures >= $2 and e.status = 'active'
   order by f.since limit $3`,
);

/** Active endpoints whose runs have lasted as long as the rule allows. */
export async function failingFor(db: Queryable, rule: FailingRule, limit: number) {
  return db.query(due, [rule.spanMs, rule.minFailures, limit]);
}

// By `since`, of which there is an index: what is quiet now and began lately is left for later.
const expire = statement(
  'failing_expire',
  `delete from failing_endpoint
   where since < statement_timestamp() - $1 * interval '1 millisecond'
     and last_at < statement_timestamp() - $2 * interval '1 millisecond'`,
);

/** Drops runs that have ended in silence; their endpoints may be gone. */
export async function expireFailing(db: Queryable, rule: FailingRule): Promise<void> {
  await db.query(expire, [rule.spanMs, rule.quietMs]);
}
