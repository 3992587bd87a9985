import type { DeliveryStatus } from '../core/delivery.ts';
import { MAX_ATTEMPT_NUMBER, type Uuid } from '../core/ids.ts';
import { type Queryable, type Statement, statement } from './database.ts';
import { wakeLanesSql } from './lane.ts';

/**
 * Sends deliveries again that have ended, many at a time. They are looked at in the order of their ids, so many in a
 * statement, however few of them fit: a statement's cost is bounded, whatever the filter and however much is stored.
 */

/** Which deliveries. What is left out does not matter. */
export interface ReplayFilter {
  /** What they ended as. */
  readonly statuses: readonly Extract<DeliveryStatus, 'SENT' | 'FAILED'>[];
  readonly applicationId?: Uuid;
  readonly endpointId?: Uuid;
  readonly eventType?: string;
}

/** Deliveries of an environment by id: above `after`, up to `last`; only what had ended by `asOf`. */
export interface ReplayRange {
  readonly environmentId: Uuid;
  readonly filter: ReplayFilter;
  readonly after: Uuid;
  readonly last: Uuid;
  /** The database's clock, as text: a Date would cut off its microseconds. */
  readonly asOf: string;
}

const now = statement<{ now: string }>('replay_now', 'select statement_timestamp()::text as now');

/** What `asOf` is for a replay that begins now. */
export async function replayNow(db: Queryable): Promise<string> {
  const [row] = await db.query(now, []);
  if (!row) throw new Error('the database does not tell the time');
  return row.now;
}

export interface Count {
  readonly matched: number;
  /** How many were looked at. Fewer than the limit: there are no more. */
  readonly seen: number;
  /** The last one looked at, null where there was none. */
  readonly last: Uuid | null;
}

/** Counts what fits among the first `limit` deliveries of the range. */
export async function countReplay(db: Queryable, range: ReplayRange, limit: number): Promise<Count> {
  const [row] = await db.query(count(range.filter, limit), valuesOf(range));
  return row ?? { matched: 0, seen: 0, last: null };
}

export interface Chunk {
  readonly seen: number;
  readonly last: Uuid | null;
  /** Put back in line. */
  readonly replayed: number;
  /** That fit and cannot be sent again: their endpoint is disabled or gone, or they have no attempt number left. */
  readonly refused: number;
}

/** Puts what fits among the first `limit` deliveries of the range back in line, as `retryDelivery` does one. */
export async function replayChunk(db: Queryable, range: ReplayRange, limit: number): Promise<Chunk> {
  const [row] = await db.query(replay(range.filter, limit), valuesOf(range));
  return row ?? { seen: 0, last: null, replayed: 0, refused: 0 };
}

// Unnamed, because of their many forms. What an index can answer is literally there, so that the planner sees it. Compared
// and ordered as a pair with the id it leaves no other index to go by: with an `environment_id = $1` the planner, once it
// has statistics, reads the primary key, which is everybody's. The limit keeps the other filters out of the choice.
const seen = ({ statuses, endpointId, applicationId }: ReplayFilter, limit: number) => {
  const [column, value] = endpointId
    ? ['endpoint_id', '$6::uuid']
    : applicationId
      ? ['application_id', '$7::uuid']
      : ['environment_id', '$1::uuid'];
  return `select id, endpoint_id, application_id, event_type, status, attempt_count, completed_at from delivery
    where (${column}, id) > (${value}, $2::uuid) and (${column}, id) <= (${value}, $3::uuid)
      -- Says the same, and which partitions need not be looked at.
      and id > $2 and id <= $3
      ${column === 'environment_id' ? '' : 'and environment_id = $1::uuid'}
      ${statuses.includes('SENT') ? '' : 'and has_failed'}
    order by ${column}, id limit ${limit}`;
};

const fits = (row: string) => `${row}.status = any($4) and ${row}.completed_at <= $5::timestamptz
  and ($6::uuid is null or ${row}.endpoint_id = $6) and ($7::uuid is null or ${row}.application_id = $7)
  and ($8::text is null or ${row}.event_type = $8)`;

const count = (filter: ReplayFilter, limit: number): Statement<Count> =>
  statement(
    '',
    `with seen as (${seen(filter, limit)})
     select (count(*) filter (where ${fits('seen')}))::integer as matched, count(*)::integer as seen,
       (select id from seen order by id desc limit 1) as last
     from seen`,
  );

const replay = (filter: ReplayFilter, limit: number): Statement<Chunk> =>
  statement(
    '',
    `with seen as (${seen(filter, limit)}),
     fitting as (
       select seen.id, e.status <> 'disabled' and seen.attempt_count < ${MAX_ATTEMPT_NUMBER} as is_sendable
       from seen left join endpoint e on e.id = seen.endpoint_id
       where ${fits('seen')}
     ), replayed as (
       update delivery d set status = 'PENDING', trigger = 'replay', due_at = statement_timestamp(),
         completed_at = null,
         -- A result that an earlier worker still holds must not end what begins here.
         lease = d.lease + 1
       from fitting
       -- Once more, because somebody may have retried it since it was seen.
       where d.id = fitting.id and fitting.is_sendable and ${fits('d')}
       returning d.endpoint_id, d.due_at
     ), woken as (${wakeLanesSql('replayed')})
     select count(*)::integer as seen, (select id from seen order by id desc limit 1) as last,
       (select count(*)::integer from replayed) as replayed,
       (select count(*)::integer from fitting where is_sendable is not true) as refused
     from seen`,
  );

function valuesOf({ environmentId, filter, after, last, asOf }: ReplayRange): unknown[] {
  const { statuses, endpointId, applicationId, eventType } = filter;
  return [environmentId, after, last, statuses, asOf, endpointId ?? null, applicationId ?? null, eventType ?? null];
}
