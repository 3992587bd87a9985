import type { CircuitState } from '../core/circuit.ts';
import type { EndpointStatus } from '../core/endpoint.ts';
import type { Uuid } from '../core/ids.ts';
import { afterTaking, type Grant } from '../core/lane.ts';
import { type Queryable, statement } from './database.ts';
import { LEASE_MARGIN_MS, type LeasedDelivery, releaseLeases } from './lease.ts';
import { leaseEndSql } from './lease-watch.ts';

/**
 * Lanes: what waits, by endpoint, and whose turn it is.
 *
 * A claim is one transaction: lock the lanes whose turn it is, decide how much each may send (core/lane.ts), take that,
 * and write down when each is to be looked at again. Whoever makes a delivery wait (accept, a retry, a rescue) touches
 * the lane under the same row lock, so that neither can miss the other: either the claim sees the delivery, or the
 * touch comes after the claim has written.
 */

/** A lane whose turn it is, locked to the end of the transaction. Times are milliseconds of the database's clock. */
export interface ReadyLane {
  readonly endpoint_id: Uuid;
  /** Null where the endpoint is gone. */
  readonly application_id: Uuid | null;
  /** Null where the endpoint is gone: its deliveries are let through, to end FAILED. */
  readonly status: EndpointStatus | null;
  readonly rate_limit: number | null;
  readonly max_in_flight: number | null;
  readonly is_fifo: boolean;
  readonly timeout_seconds: number;
  readonly circuit: CircuitState;
  readonly in_flight: number;
  /** Of a fifo lane: whose turn it is, and nobody else's until it is finished. Null where nothing waits. */
  readonly head_id: Uuid | null;
  readonly tokens: number;
  readonly tokens_at: number | null;
  readonly resumed_at: number | null;
  readonly now: number;
}

/** Whose lanes get no turn, as nothing could be sent now: of these endpoints, and all of these applications. */
export interface Except {
  readonly endpoints: readonly Uuid[];
  readonly applications: readonly Uuid[];
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

/**
 * SQL for the one delivery of a fifo endpoint that may be sent: the head that is not finished, else, once nothing is in
 * flight any more, what is next in line. Tried ones come first, even where they are not due: a head that got lost (its
 * endpoint was switched off and on again) must not be overtaken. Untried ones are in the order of their commits, which
 * `due_at` tells by one clock; ids are made by the clocks of many processes, and only tell apart what was committed in
 * one statement. One that is for later (`deliver_at`) is not in line yet.
 *
 * @param lane alias of the lane's row.
 */
export function headSql(lane: string): string {
  const first = (column: string, bound: string) =>
    `(select id from delivery where endpoint_id = ${lane}.endpoint_id and ${column} ${bound} order by ${column}, id limit 1)`;
  return `coalesce(
    (select id from delivery where id = ${lane}.head_id and status in ('PENDING', 'SENDING')),
    case when ${lane}.in_flight = 0 then coalesce(
      ${first('again_at', 'is not null')}, ${first('first_at', '<= statement_timestamp()')}) end)`;
}

const lockReady = statement<ReadyLane>(
  'lane_lock_ready',
  `select l.endpoint_id, e.application_id, e.status, e.rate_limit, e.max_in_flight,
     coalesce(e.ordering = 'fifo', false) as is_fifo,
     coalesce(e.timeout_seconds, 60) as timeout_seconds, l.circuit, l.in_flight,
     case when e.ordering = 'fifo' then ${headSql('l')} end as head_id, l.tokens,
     ${ms('l.tokens_at')} as tokens_at, ${ms('l.resumed_at')} as resumed_at, ${ms('statement_timestamp()')} as now
   from lane l left join endpoint e on e.id = l.endpoint_id
   where l.ready_at <= statement_timestamp() and l.endpoint_id <> all($2::uuid[])
     and (e.application_id = any($3::uuid[])) is not true
   order by l.ready_at limit $1 for update of l skip locked`,
);

/**
 * The lanes that have waited longest for a turn. What is excepted is walked past: 0.7 us for each lane of an application
 * that is full (10,000 of them, PostgreSQL).
 */
export async function lockReadyLanes(tx: Queryable, limit: number, except: Except): Promise<ReadyLane[]> {
  return tx.query(lockReady, [limit, except.endpoints, except.applications]);
}

/** What one lane gets in this turn, and how it is left. */
export interface Turn extends Omit<Grant, 'heldBy'> {
  readonly endpointId: Uuid;
  /** How many may be in flight at once; null for no limit. Their number is kept only where there is one. */
  readonly places: number | null;
  readonly isFifo: boolean;
  readonly headId: Uuid | null;
  readonly heldBy: Grant['heldBy'] | 'paused';
}

// Of each lane, first attempts and retries in turn, oldest first; of a fifo lane its head alone. A delivery whose message
// is gone is taken too, to end FAILED: left lying, it would be the first in line for ever.
// A row that a slow worker or a hand is changing right now is waited for: they hold it for an instant only.
const take = statement<Omit<LeasedDelivery, 'payload'> & { payload: string | null }>(
  'lane_take',
  `with turn as (
     select * from unnest($1::uuid[], $2::integer[], $3::boolean[], $4::boolean[], $5::uuid[])
       as t(endpoint_id, count, is_probe, is_counted, head_id)
   ), picked as (
     select d.id, d.message_id, t.endpoint_id, t.is_probe, t.is_counted
     from turn t cross join lateral (
       select id, message_id, row_number() over (partition by is_again order by due_at, id) as place, is_again
       from (
         (select id, message_id, first_at as due_at, false as is_again from delivery
          where t.head_id is null and endpoint_id = t.endpoint_id and first_at <= statement_timestamp()
          order by first_at, id limit t.count)
         union all
         (select id, message_id, again_at, true from delivery
          where t.head_id is null and endpoint_id = t.endpoint_id and again_at <= statement_timestamp()
          order by again_at, id limit t.count)
         union all
         (select id, message_id, due_at, true from delivery
          where id = t.head_id and status = 'PENDING' and due_at <= statement_timestamp())
       ) as waiting
       order by place, is_again limit t.count
     ) d
   )
   update delivery d
   set status = 'SENDING', lease = d.lease + 1, due_at = null,
       leased_until = ${leaseEndSql('coalesce(e.timeout_seconds, 60) * 1000 + $6')}
   from picked p left join message m on m.id = p.message_id left join endpoint e on e.id = p.endpoint_id
   where d.id = p.id and d.status = 'PENDING'
   returning d.id, d.message_id as "messageId", d.environment_id as "environmentId",
     d.application_id as "applicationId", d.endpoint_id as "endpointId", d.event_type as "eventType",
     case when p.is_probe then 'probe' else d.trigger end as trigger, d.attempt_count as "attemptCount", d.lease,
     m.payload, m.event_id as "eventId", m.headers, p.is_probe as "isProbe", p.is_counted as "isCounted"`,
);

// A statement of its own after `take`, so that it sees what was taken. Full lanes are left to whoever frees a place; a
// head that is finished or gone by now, to the next turn. What is counted stays counted until it has ended, whatever
// becomes of the endpoint's limits meanwhile: a count that began anew would be brought down by the ends of what it never
// counted, and let out too many at once for as long as the lane is busy.
const settle = statement(
  'lane_settle',
  `update lane l set
     next_at = case
       when l.in_flight + t.taken >= t.places then null
       when t.head_id is not null
         then coalesce(
           (select case status when 'PENDING' then due_at when 'SENDING' then leased_until end
            from delivery where id = t.head_id), statement_timestamp())
       else least(
         (select first_at from delivery where endpoint_id = l.endpoint_id and first_at is not null
          order by first_at, id limit 1),
         (select again_at from delivery where endpoint_id = l.endpoint_id and again_at is not null
          order by again_at, id limit 1)) end,
     is_blocked = coalesce(l.in_flight + t.taken >= t.places, false) or t.head_id is not null,
     served_at = statement_timestamp(),
     held_until = case when t.hold_ms > 0 then statement_timestamp() + t.hold_ms * interval '1 millisecond' end,
     held_by = t.held_by,
     circuit = case when t.is_probe and t.taken > 0 then 'half_open' else l.circuit end,
     in_flight = case when t.places is null then l.in_flight else l.in_flight + t.taken end,
     head_id = coalesce(t.head_id, case when l.in_flight > 0 then l.head_id end),
     tokens = t.tokens, tokens_at = statement_timestamp()
   from unnest($1::uuid[], $2::integer[], $3::boolean[], $4::integer[], $5::float8[], $6::text[], $7::float8[],
               $8::uuid[])
     as t(endpoint_id, taken, is_probe, places, hold_ms, held_by, tokens, head_id)
   where l.endpoint_id = t.endpoint_id`,
);

/** Takes what each lane was granted, leased to this process, and leaves the lanes as the turns say. */
export async function takeTurns(tx: Queryable, turns: readonly Turn[]): Promise<LeasedDelivery[]> {
  const serving = turns.filter((turn) => turn.count > 0);
  const taken =
    serving.length === 0
      ? []
      : await tx.query(take, [
          serving.map((turn) => turn.endpointId),
          serving.map((turn) => turn.count),
          serving.map((turn) => turn.isProbe),
          serving.map((turn) => turn.places !== null),
          serving.map((turn) => turn.headId),
          LEASE_MARGIN_MS,
        ]);
  const of = Map.groupBy(taken, (delivery) => delivery.endpointId);
  const takenOf = (turn: Turn) => of.get(turn.endpointId)?.length ?? 0;
  const left = turns.map((turn) => afterTaking(turn, takenOf(turn)));
  await tx.query(settle, [
    turns.map((turn) => turn.endpointId),
    turns.map(takenOf),
    turns.map((turn) => turn.isProbe),
    turns.map((turn) => turn.places),
    left.map((turn) => turn.holdMs),
    left.map((turn) => turn.heldBy),
    left.map((turn) => turn.tokens),
    turns.map((turn) => (turn.isFifo ? (turn.headId ?? of.get(turn.endpointId)?.[0]?.id ?? null) : null)),
  ]);
  const complete = taken.filter((delivery) => delivery.payload !== null) as LeasedDelivery[];
  const orphans = taken.filter((delivery) => delivery.payload === null) as unknown as LeasedDelivery[];
  if (orphans.length > 0) {
    await releaseLeases(
      tx,
      orphans.map((delivery) => ({ delivery, delayMs: 0, error: 'message_missing' })),
    );
  }
  return complete;
}

// A paused lane is ready at infinity, from which PostgreSQL before 17 cannot subtract: nothing waits for a time then.
const nextReady = statement<{ in_ms: number | null }>(
  'lane_next_ready',
  `select ${ms(`nullif(min(ready_at), 'infinity') - statement_timestamp()`)} as in_ms from lane
   where ready_at is not null and endpoint_id <> all($1::uuid[])`,
);

/** Milliseconds until some lane is ready (0 and below: now), or null where nothing waits. @param except endpoints. */
export async function msUntilReady(db: Queryable, except: readonly Uuid[]): Promise<number | null> {
  return (await db.query(nextReady, [except]))[0]?.in_ms ?? null;
}

/**
 * SQL that wakes the lanes of deliveries which now wait: `source` names a query of (endpoint_id, due_at). Lanes are
 * locked in one order everywhere, so that two such statements wait for each other and never deadlock. A blocked lane is
 * not woken by what comes behind.
 *
 * @param isBlocked SQL of whether a lane is to sleep on.
 */
export function wakeLanesSql(source: string, isBlocked = 'lane.is_blocked'): string {
  return `insert into lane (endpoint_id, next_at)
    select endpoint_id, min(due_at) from ${source} group by endpoint_id order by endpoint_id
    on conflict (endpoint_id) do update set
      next_at = case when ${isBlocked} then lane.next_at else least(lane.next_at, excluded.next_at) end`;
}

const lookAnew = statement(
  'lane_look_anew',
  `update lane set next_at = statement_timestamp(), is_blocked = false, tokens_at = null where endpoint_id = $1`,
);

/** After a change of the endpoint's limits or order: looked at anew, under the new ones. Its head and its count stay. */
export async function lookAtLaneAnew(tx: Queryable, endpointId: Uuid): Promise<void> {
  await tx.query(lookAnew, [endpointId]);
}

const pause = statement(
  'lane_pause',
  `update lane set held_by = 'paused', held_until = 'infinity' where endpoint_id = $1`,
);

/** Nothing is claimed until it is let go. */
export async function pauseLane(tx: Queryable, endpointId: Uuid): Promise<void> {
  await tx.query(pause, [endpointId]);
}

const LET_GO = `held_by = null, held_until = null, circuit = 'closed', openings = 0, opened_at = null,
     next_at = statement_timestamp(), is_blocked = false,
     tokens = 1, tokens_at = statement_timestamp(), resumed_at = statement_timestamp()`;

const letGo = statement('lane_let_go', `update lane set ${LET_GO} where endpoint_id = $1`);

/**
 * Ends every hold: after a resume or an enable what piled up is let out slowly; of an endpoint that was disabled or
 * deleted it is let out to end FAILED.
 */
export async function letLaneGo(tx: Queryable, endpointId: Uuid): Promise<void> {
  await tx.query(letGo, [endpointId]);
}

// Only what is held or blocked: a lane that is let go gets a turn.
const letGoOf = statement(
  'lane_let_go_of_many',
  `with locked as (
     select endpoint_id from lane where endpoint_id = any($1::uuid[]) and (held_until is not null or is_blocked)
     order by endpoint_id for update
   )
   update lane set ${LET_GO} from locked where lane.endpoint_id = locked.endpoint_id`,
);

/** The same for many endpoints. Nobody can pause one behind our back: they are locked, or gone. */
export async function letLanesGo(tx: Queryable, endpointIds: readonly Uuid[]): Promise<void> {
  if (endpointIds.length > 0) await tx.query(letGoOf, [endpointIds]);
}
