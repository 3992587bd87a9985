import { firstIdAt } from '../core/ids.ts';
import { type Queryable, type Statement, statement } from './database.ts';

/** The tables that are partitioned by day, over ids that begin with their time. */
export const PARTITIONED = ['message', 'delivery', 'attempt'] as const;

type Partitioned = (typeof PARTITIONED)[number];

/**
 * A delivery is written twice, when it is accepted and when its result is: its page has room for both, so that the second
 * touches no index (migration 0017). It takes no more space: without room, the second would go to another page.
 */
const ROOM: Readonly<Record<Partitioned, string>> = { message: '', delivery: ' with (fillfactor = 45)', attempt: '' };

export const DAY_MS = 86_400_000;

/**
 * Makes the partitions of the UTC days from `from` to `to` (milliseconds since 1970), where they are missing, and a
 * default partition: a clock that is far off then costs tidiness, never a message.
 *
 * Processes that start together make each partition once. A day that has rows in the default partition already stays
 * there: PostgreSQL refuses a partition that would have to take them over, and no start may fail for that.
 *
 * Best not in a transaction: it would hold the lock of one table while it waits for the next one's, and claims, which
 * lock the same tables in another order, would end in a deadlock.
 *
 * @param lockMs how long to wait for the lock of a table; everybody who comes after waits behind us. Without it, as long as
 *   a statement may take: for a start, which has nothing to go on with.
 * @throws LOCK_NOT_AVAILABLE
 */
export async function ensurePartitions(db: Queryable, from: number, to: number, lockMs?: number): Promise<void> {
  for (const table of PARTITIONED) {
    await db.query(create(`${table}_default`, table, 'default', lockMs), []);
    for (let day = startOfDay(from); day <= to; day += DAY_MS) {
      const bounds = `for values from ('${firstIdAt(day)}') to ('${firstIdAt(day + DAY_MS)}')`;
      await db.query(create(partitionName(table, day), table, bounds, lockMs), []);
    }
  }
}

// Any constant: what counts is that all Postriders of one database use the same.
const LOCK = 7_243_392_120;

/** One statement, so that the lock is held to the end of the creation whether or not there is a transaction around. */
function create(name: string, table: Partitioned, bounds: string, lockMs = 0): Statement<never> {
  return statement(
    '',
    `do $$ begin
       perform pg_advisory_xact_lock(${LOCK});
       set local lock_timeout = ${lockMs};
       create table if not exists ${name} partition of ${table} ${bounds}${ROOM[table]};
     exception when check_violation then null;
     end $$`,
  );
}

/** `message_20261121` */
export function partitionName(table: Partitioned, day: number): string {
  return `${table}_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

function startOfDay(at: number): number {
  return at - (at % DAY_MS);
}
