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

/** What ends is looked at so many at a time: no statement runs into its timeout, however long nobody has looked. */
const STEP = 10_000;
/** How far behind the clock the mark goes where somebody has set the clock back: what was leased since ends after that. */
const BACK = `interval '1 hour'`;

/** SQL of all that is SENDING, by the index of leases. */
export function leasedSql(table: string): string {
  return `select * from ${table} where status = 'SENDING' and leased_until > coalesce(
    (select least(done_until, statement_timestamp() - ${BACK}) from lease_watch where singleton), '-infinity')`;
}

/** A stretch of leases that have ended. Times are text, because a Date would cut off their microseconds. */
export interface Stretch {
  /** Exclusive; the mark, for the first one. */
  readonly start: string;
  readonly end: string;
  /** What ends up to here, and is ever to be seen, is to be seen by a statement that begins now. */
  readonly settled_until: string;
  /** Where nothing happens, nothing is written. */
  readonly is_empty: boolean;
  readonly is_last: boolean;
  /** The clock was set back behind the mark, by more than what every lease lasts anyway. */
  readonly is_ahead: boolean;
}

// Who holds this lock may have written leases that nobody sees yet. They end after its transaction began; the clock may
// have been set back meanwhile (it may also have begun after this statement did), and of somebody whose transactions we
// may not see nobody knows when that was. One that has ended between a look at the locks and one at the transactions is
// seen by the next statement.
const SETTLED = `least(statement_timestamp(), (
  select min(case
    when a.xact_start <= clock_timestamp() then a.xact_start
    when a.xact_start is not null or a.state is null or a.state = 'disabled' then statement_timestamp() - ${BACK} end)
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.relation = 'delivery'::regclass and l.mode = 'RowExclusiveLock' and l.pid <> pg_backend_pid()
    and l.database = (select oid from pg_database where datname = current_database())))`;

const look = statement<Stretch>(
  'lease_watch_look',
  `select w.start::text as start, coalesce(s.step, w.now)::text as end, ${SETTLED}::text as settled_until,
     s.step is null as is_last, $2::timestamptz is null and w.start > clock_timestamp() + interval '1 second' as is_ahead,
     s.step is null and not exists (
       select from delivery where leased_until > w.start and leased_until <= w.now) as is_empty
   from (
     select coalesce($2::timestamptz, done_until) as start,
       statement_timestamp() + $1 * interval '1 millisecond' as now
     from lease_watch where singleton) as w
   left join lateral (
     select leased_until as step from delivery where leased_until > w.start and leased_until <= w.now
     order by leased_until offset ${STEP} limit 1) as s on true`,
);

const free = statement<{ freed: number }>(
  'lease_watch_free',
  `with freed as (
     update delivery set status = 'PENDING', due_at = statement_timestamp()
     where id = any(array(
       select id from delivery
       where leased_until > $2::timestamptz and leased_until <= $3::timestamptz and status = 'SENDING'
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
const move = statement<{ is_through: boolean }>(
  'lease_watch_move',
  `update lease_watch set done_until = least($2::timestamptz, $3::timestamptz)
   where singleton and done_until = $1::timestamptz and done_until < least($2::timestamptz, $3::timestamptz) and not exists (
     select from delivery
     where leased_until > $1::timestamptz and leased_until <= least($2::timestamptz, $3::timestamptz)
       and status = 'SENDING')
   returning done_until = $2::timestamptz as is_through`,
);

const setBack = statement(
  'lease_watch_set_back',
  `update lease_watch set done_until = statement_timestamp() - ${BACK} where singleton and done_until = $1::timestamptz`,
);

/**
 * Frees deliveries whose lease has ended. The lease number stays, so that a worker that was merely slow can still say how
 * it went, until somebody else claims the row. Any number of processes may do this at once.
 *
 * @param withinMs also free leases that would only end within this time; for a start at which no other process can be.
 * @returns how many were freed, at most `limit`.
 */
export async function rescueExpired(db: Queryable, limit: number, withinMs = 0): Promise<number> {
  let freed = 0;
  // Where the last stretch ended, if the mark could not be moved there: from then on it stays.
  let from: string | null = null;
  for (;;) {
    // Statements of their own, in this order: what is settled was committed before the next one looks.
    const stretch: Stretch = await lookAtLeases(db, withinMs, from);
    if (stretch.is_ahead) {
      await setWatchBack(db, stretch);
      continue;
    }
    if (stretch.is_empty) return freed;
    freed += await freeLeases(db, stretch, limit - freed);
    if (freed === limit) return freed;
    const isThrough: boolean = from === null && (await moveWatch(db, stretch));
    if (stretch.is_last) return freed;
    from = isThrough ? null : stretch.end;
  }
}

/** @param from where to begin; null: at the mark. */
export async function lookAtLeases(db: Queryable, withinMs: number, from: string | null): Promise<Stretch> {
  const [row] = await db.query(look, [withinMs, from]);
  if (!row) throw new Error('lease_watch has lost its row');
  return row;
}

export async function freeLeases(
  db: Queryable,
  { start, end }: Pick<Stretch, 'start' | 'end'>,
  limit: number,
): Promise<number> {
  return (await db.query(free, [limit, start, end]))[0]?.freed ?? 0;
}

/** @returns whether the mark is at the end of the stretch now. */
export async function moveWatch(
  db: Queryable,
  { start, end, settled_until }: Pick<Stretch, 'start' | 'end' | 'settled_until'>,
): Promise<boolean> {
  return (await db.query(move, [start, end, settled_until]))[0]?.is_through ?? false;
}

async function setWatchBack(db: Queryable, { start }: Pick<Stretch, 'start'>): Promise<void> {
  await db.query(setBack, [start]);
}
