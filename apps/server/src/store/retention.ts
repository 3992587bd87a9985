import { deliveryRange, firstIdAt, type Uuid } from '../core/ids.ts';
import {
  type Database,
  hasSqlState,
  LOCK_NOT_AVAILABLE,
  type Queryable,
  statement,
  UNDEFINED_TABLE,
} from './database.ts';
import { leasedSql } from './lease-watch.ts';
import { DAY_MS, partitionName } from './partition.ts';

/**
 * The end of what was kept: a day's partitions dropped whole, or messages deleted with all that is theirs.
 *
 * A message goes with its deliveries and attempts, and only once every delivery of it is SENT or FAILED. One that is held
 * for months (a paused endpoint), or due far ahead, keeps its message's whole story.
 */

/**
 * A lock that is not to be had at once is given up: everybody who comes after waits behind us, accepts among them. Below
 * the server's `deadlock_timeout` (1 s), so that it is never another who is sacrificed.
 */
const LOCK_MS = 100;
/** Deliveries in flight that are moved out of a day while its lock is held; with more the day stays. */
export const MAX_MOVED = 1_000;

/** `busy`: somebody reads or writes there. `held`: too many deliveries of that day are still in flight. */
export type DayDrop = 'dropped' | 'busy' | 'held';

const days = statement<{ day: string }>(
  'retention_days',
  `select distinct substring(c.relname from '^(?:message|delivery|attempt)_(\\d{8})$') as day
   from pg_inherits i join pg_class c on c.oid = i.inhrelid
   where i.inhparent in ('message'::regclass, 'delivery'::regclass, 'attempt'::regclass)`,
);

/** The UTC days that have a partition, oldest first, as the millisecond in which they begin. */
export async function partitionedDays(db: Queryable): Promise<number[]> {
  const rows = await db.query(days, []);
  return rows
    .flatMap(({ day }) => (day === null ? [] : Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`)))
    .sort((a, b) => a - b);
}

/**
 * Drops a day, and moves what is in flight to the default partition, where rows of a day without one are at home. Their
 * leases go with them, so a worker that has one of them in hand records its result as ever.
 *
 * A table at a time, deliveries first: holding the lock of one and waiting for another's would end in a deadlock with
 * claims and accepts, which lock the same tables in orders of their own. Whatever comes between two of them, or ends this
 * half way, finds a message that has fewer deliveries than it had, never a delivery without its message; the next run
 * goes on from there.
 */
export async function dropDay(db: Database, day: number): Promise<DayDrop> {
  const [from, to] = [firstIdAt(day), firstIdAt(day + DAY_MS)];
  const ofDay = `d.id >= '${from}' and d.id < '${to}'`;
  const [delivery, attempt, message] = [
    partitionName('delivery', day),
    partitionName('attempt', day),
    partitionName('message', day),
  ];
  const inFlight = `(${inFlightSql(delivery)})`;
  // `offset 0` lets nobody turn these joins round: from the few rows that stay, never over all that goes.
  const drops = [
    {
      ...{ table: 'delivery', partition: delivery },
      hold: `(select count(*) from (select 1 from ${inFlight} f limit ${MAX_MOVED + 1}) x) > ${MAX_MOVED}`,
      keep: `select d.* from (select distinct message_id as id from ${inFlight} f) m
             cross join lateral (
               select * from ${delivery} where id ${rangeSql('m.id')} and message_id = m.id offset 0) d`,
    },
    {
      ...{ table: 'attempt', partition: attempt, hold: 'false' },
      keep: `select a.* from delivery d
             cross join lateral (select * from ${attempt} where delivery_id = d.id offset 0) a where ${ofDay}`,
    },
    {
      ...{ table: 'message', partition: message, hold: 'false' },
      keep: `select m.* from (select distinct message_id as id from delivery d where ${ofDay}) d
             cross join lateral (select * from ${message} where id = d.id offset 0) m`,
    },
  ];
  for (const drop of drops) {
    const outcome = await dropPartition(db, drop);
    if (outcome !== 'dropped') return outcome;
  }
  return 'dropped';
}

interface PartitionDrop {
  readonly table: string;
  readonly partition: string;
  /** SQL that is true where the partition must stay. */
  readonly hold: string;
  /** SQL of the rows that are to survive it. */
  readonly keep: string;
}

/**
 * One statement, so that how long everybody waits does not depend on how far away we are, and a process that freezes
 * cannot freeze with the lock in its hands.
 */
async function dropPartition(db: Database, { table, partition, hold, keep }: PartitionDrop): Promise<DayDrop> {
  if (!(await exists(db, partition))) return 'dropped';
  const text = `do $$ declare columns text;
  begin
    set local lock_timeout = '${LOCK_MS}ms';
    lock table only ${table} in access exclusive mode;
    -- Somebody else may have done it, or put more in flight, while we waited.
    if to_regclass('${partition}') is null or ${hold} then return; end if;
    alter table ${table} detach partition ${partition};
    -- Generated columns are generated anew.
    select string_agg(quote_ident(attname), ', ') into columns from pg_attribute
    where attrelid = '${table}'::regclass and attnum > 0 and not attisdropped and attgenerated = '';
    execute format('insert into ${table} (%1$s) select %1$s from (%2$s) as kept', columns, $keep$${keep}$keep$);
    drop table ${partition};
  end $$`;
  try {
    if (await isInUse(db, [table, `${table}_default`, partition])) return 'busy';
    if (await holds(db, hold)) return 'held';
    await db.query(statement('', text), []);
  } catch (error) {
    if (hasSqlState(error, LOCK_NOT_AVAILABLE)) return 'busy';
    // Gone since we looked: another process was faster.
    if (!hasSqlState(error, UNDEFINED_TABLE)) throw error;
  }
  return (await exists(db, partition)) ? 'held' : 'dropped';
}

// A transaction of somebody else's rights (an autovacuum is the server's) does not show its age, and is taken for old.
const inUse = statement<{ in_use: boolean }>(
  'retention_in_use',
  `select exists (
     select from pg_locks l left join pg_stat_activity a on a.pid = l.pid
     where l.relation = any($1::regclass[]) and l.pid is distinct from pg_backend_pid()
       and l.database = (select oid from pg_database where datname = current_database())
       and coalesce(a.xact_start, '-infinity') < clock_timestamp() - interval '${LOCK_MS} milliseconds') as in_use`,
);

/**
 * True where somebody has been at one of the tables for longer than we would wait: a dump, a vacuum, a long read. So the
 * wait that makes everybody wait is begun only where it will be short.
 */
async function isInUse(db: Queryable, tables: readonly string[]): Promise<boolean> {
  return (await db.query(inUse, [tables]))[0]?.in_use ?? false;
}

const regclass = statement<{ exists: boolean }>('retention_exists', 'select to_regclass($1) is not null as exists');

async function exists(db: Queryable, table: string): Promise<boolean> {
  return (await db.query(regclass, [table]))[0]?.exists ?? false;
}

async function holds(db: Queryable, condition: string): Promise<boolean> {
  return (await db.query(statement<{ holds: boolean }>('', `select ${condition} as holds`), []))[0]?.holds ?? false;
}

/** By the three indexes that find what is in flight, and hardly anything else. */
function inFlightSql(table: string): string {
  return `select message_id from (${leasedSql(table)}) as leased
    union all select message_id from ${table} where first_at is not null
    union all select message_id from ${table} where again_at is not null`;
}

/** `between …`: the ids of a message's deliveries (core/ids.ts, `deliveryRange`). */
function rangeSql(message: string): string {
  const bound = (tail: string) => `(left(${message}::text, 19) || '${tail}')::uuid`;
  return `between ${bound('8000-000000000000')} and ${bound('bfff-ffffffffffff')}`;
}

/** A message that is older than its environment keeps it. */
export interface OldMessage {
  readonly id: Uuid;
  readonly deliveries: readonly Uuid[];
  /** None of them is in flight. */
  readonly is_finished: boolean;
}

// The comparison of rows says which index to take: by `environment_id = $1` alone the planner, knowing the data, went over
// the messages of all environments in the order of their ids.
const old = statement<OldMessage>(
  'retention_old_messages',
  `select m.id, d.deliveries, d.is_finished
   from (
     select environment_id, id from message
     where (environment_id, id) > ($1, $2) and (environment_id, id) < ($1, $3) and id < $3
     order by environment_id, id limit $4) m
   cross join lateral (
     select coalesce(array_agg(id), '{}') as deliveries,
       coalesce(bool_and(status in ('SENT', 'FAILED')), true) as is_finished
     from delivery where id ${rangeSql('m.id')} and message_id = m.id) d
   order by m.environment_id, m.id`,
);

/** Messages after the id `after` and accepted before `before`, oldest first. */
export async function oldMessages(
  db: Queryable,
  environmentId: Uuid,
  after: Uuid,
  before: number,
  limit: number,
): Promise<OldMessage[]> {
  return db.query(old, [environmentId, after, firstIdAt(before), limit]);
}

const limitWait = statement('retention_wait', `set local lock_timeout = '${LOCK_MS}ms'`);

// Here and below by ids and no join: with the ids to be joined, the embedded database went over all deliveries of the
// environment for each of them (1.9 s for 500 messages). The range is for the partitions to look at.
// A retry by hand that comes after this waits, and finds nothing; one that came before is seen here.
const lock = statement<{ id: Uuid; message_id: Uuid; is_finished: boolean }>(
  'retention_lock',
  `select id, message_id, status in ('SENT', 'FAILED') as is_finished from delivery
   where environment_id = $1 and id between $2 and $3 and id = any($4::uuid[]) for update`,
);

// Statements of their own after `lock`, so that they see attempts whose result was being recorded until then.
const removeAttempts = statement(
  'retention_remove_attempts',
  `delete from attempt
   where environment_id = $1 and delivery_id between $2 and $3 and delivery_id = any($4::uuid[])`,
);
const removeDeliveries = statement(
  'retention_remove_deliveries',
  'delete from delivery where environment_id = $1 and id between $2 and $3 and id = any($4::uuid[])',
);
const removeMessages = statement<{ id: Uuid }>(
  'retention_remove_messages',
  `delete from message m where environment_id = $1 and id between $2 and $3 and id = any($4::uuid[])
     and not exists (select from delivery d where d.id ${rangeSql('m.id')} and d.message_id = m.id)
   returning id`,
);

/**
 * Deletes messages with their deliveries and attempts; those that have one in flight again stay as they are.
 *
 * @param messages in the order of their ids.
 * @returns how many messages went; 0 where somebody else holds one of their rows.
 */
export async function deleteMessages(
  db: Database,
  environmentId: Uuid,
  messages: readonly OldMessage[],
): Promise<number> {
  const ids = messages.map(({ id }) => id);
  const [first, last] = [ids[0], ids.at(-1)];
  if (!first || !last) return 0;
  const range = [environmentId, deliveryRange(first)[0], deliveryRange(last)[1]];
  try {
    return await db.transaction(async (tx) => {
      await tx.query(limitWait, []);
      const deliveries = await tx.query(lock, [...range, messages.flatMap((message) => message.deliveries)]);
      const inFlight = new Set(deliveries.filter((each) => !each.is_finished).map((each) => each.message_id));
      const gone = deliveries.filter((each) => !inFlight.has(each.message_id)).map((each) => each.id);
      await tx.query(removeAttempts, [...range, gone]);
      await tx.query(removeDeliveries, [...range, gone]);
      return (await tx.query(removeMessages, [environmentId, first, last, ids])).length;
    });
  } catch (error) {
    if (hasSqlState(error, LOCK_NOT_AVAILABLE)) return 0;
    throw error;
  }
}

const clock = statement<{ now: number }>(
  'retention_now',
  'select floor(extract(epoch from statement_timestamp()) * 1000)::float8 as now',
);

/** The database's clock, whole milliseconds since 1970: ids have no room for parts of one. */
export async function databaseNow(db: Queryable): Promise<number> {
  const [row] = await db.query(clock, []);
  if (!row) throw new Error('the database does not know the time');
  return row.now;
}
