import { type Queryable, statement } from './database.ts';

/**
 * Leases that have ended with nobody to say how it went: their worker died or froze, and the delivery is freed.
 *
 * A delivery keeps the end of its last lease once it is SENT, so that the update that ends it touches no index. Leases
 * are therefore found in the order of their ends, from a mark on (`lease_watch`): nothing that ended before it is SENDING
 * still. What the mark has passed is never looked at again, so how far it may go is decided with care.
 */

/**
 * SQL of the moment at which a lease ends. By the clock as it stands when the row is written, not when the statement
 * began: by then the table is locked, and whoever moves the mark sees that somebody may be writing to it.
 *
 * @param ms SQL of how long it lasts, in milliseconds.
 */
export function leaseEndSql(ms: string): string {
  return `clock_timestamp() + (${ms}) * interval '1 millisecond'`;
}

/** SQL of all that is SENDING, by the index of leases: of what was leased within the last minute, most is not any more. */
export function leasedSql(table: string): string {
  return `select * from ${table} where status = 'SENDING'
    and leased_until > (select least(done_until, statement_timestamp()) from lease_watch)`;
}

/** Times are text, because a Date would cut off their microseconds. */
export interface LeaseLook {
  readonly done_until: string;
  /** Where to begin: at the mark, or now, where somebody set the database's clock back behind it. */
  readonly start: string;
  /** Whatever ends up to here, and is to be seen, is to be seen by a statement that begins now. */
  readonly settled_until: string;
  readonly is_any: boolean;
}

// Who holds this lock may have written rows that nobody sees yet, none of whose leases ends before its transaction began.
// A transaction of somebody else's rights does not show its age. A statement may take half a minute, and a transaction
// stand idle for one (database.ts).
const look = statement<LeaseLook>(
  'lease_watch_look',
  `select w.done_until::text as done_until, w.start::text as start,
     least(statement_timestamp(), (
       select min(coalesce(a.xact_start, statement_timestamp() - interval '10 minutes'))
       from pg_locks l left join pg_stat_activity a on a.pid = l.pid
       where l.relation = 'delivery'::regclass and l.mode = 'RowExclusiveLock' and l.pid is distinct from pg_backend_pid()
         and l.database = (select oid from pg_database where datname = current_database())))::text as settled_until,
     exists (
       select from delivery
       where leased_until > w.start and leased_until <= statement_timestamp() + $1 * interval '1 millisecond') as is_any
   from (select done_until, least(done_until, statement_timestamp()) as start from lease_watch) as w`,
);

const free = statement<{ freed: number }>(
  'lease_watch_free',
  `with freed as (
     update delivery set status = 'PENDING', due_at = statement_timestamp()
     where id = any(array(
       select id from delivery
       where leased_until > $3::timestamptz and leased_until <= statement_timestamp() + $2 * interval '1 millisecond'
         and status = 'SENDING'
       order by leased_until limit $1 for update skip locked))
     returning endpoint_id, due_at
   ), woken as (
     insert into lane as l (endpoint_id, next_at, in_flight)
     select endpoint_id, min(due_at), -count(*)::integer from freed group by endpoint_id order by endpoint_id
     on conflict (endpoint_id) do update set
       next_at = least(l.next_at, excluded.next_at), is_blocked = false,
       -- Lanes that do not count stand at 0.
       in_flight = greatest(0, l.in_flight + excluded.in_flight)
   )
   select count(*)::integer as freed from freed`,
);

// What was passed over, because its result was being recorded, is SENDING still where the recording came to nothing.
const move = statement(
  'lease_watch_move',
  `update lease_watch set done_until = greatest($2::timestamptz, $3::timestamptz)
   where done_until = $1::timestamptz and not exists (
     select from delivery
     where leased_until > $2::timestamptz and leased_until <= $3::timestamptz and status = 'SENDING')`,
);

/**
 * Frees deliveries whose lease has ended. The lease number stays, so that a worker that was merely slow can still say how
 * it went, until somebody else claims the row. Any number of processes may do this at once.
 *
 * @param withinMs also free leases that would only end within this time; for a start at which no other process can be.
 * @returns how many were freed, at most `limit`.
 */
export async function rescueExpired(db: Queryable, limit: number, withinMs = 0): Promise<number> {
  // Statements of their own, in this order: what is settled was committed before the next one looks.
  const look = await lookAtLeases(db, withinMs);
  const rescued = look.is_any ? await freeLeases(db, look, limit, withinMs) : 0;
  // Where nothing happens, nothing is written.
  if (rescued < limit && (look.is_any || look.start !== look.done_until)) await moveOn(db, look);
  return rescued;
}

export async function lookAtLeases(db: Queryable, withinMs: number): Promise<LeaseLook> {
  const [row] = await db.query(look, [withinMs]);
  if (!row) throw new Error('lease_watch has lost its row');
  return row;
}

export async function freeLeases(
  db: Queryable,
  { start }: Pick<LeaseLook, 'start'>,
  limit: number,
  withinMs: number,
): Promise<number> {
  return (await db.query(free, [limit, withinMs, start]))[0]?.freed ?? 0;
}

export async function moveOn(db: Queryable, look: Omit<LeaseLook, 'is_any'>): Promise<void> {
  await db.query(move, [look.done_until, look.start, look.settled_until]);
}
