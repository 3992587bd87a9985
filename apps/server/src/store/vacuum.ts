import { type Queryable, statement } from './database.ts';

/**
 * The embedded database has no autovacuum. A row that was updated leaves 4 bytes behind for ever, and an index entry where
 * it cannot be reused; and a row that is never looked at for 2^31 transactions would vanish, as if it were of the future.
 */

/** A table that wants it. */
export interface DueVacuum {
  readonly table: string;
  /** Its oldest row is many transactions old: all are marked as older than any. */
  readonly freeze: boolean;
}

// Day partitions are dropped whole: what is dead in a day that is over is never used again, and in today's (100,000
// deliveries: 18 of 36 MB) a vacuum takes 30 to 100 ms each time, in which nothing else runs.
const due = statement<DueVacuum>(
  'vacuum_due',
  `select c.oid::regclass::text as table, greatest(age(c.relfrozenxid), age(t.relfrozenxid)) > $2 as freeze
   from pg_class c left join pg_class t on t.oid = c.reltoastrelid
   where c.relkind = 'r' and (
     greatest(age(c.relfrozenxid), age(t.relfrozenxid)) > $2
     or c.relname !~ '_\\d{8}$'
        and pg_stat_get_dead_tuples(c.oid) > $1 + 0.2 * pg_stat_get_live_tuples(c.oid))`,
);

/**
 * @param dead rows that a table may have, besides a fifth of those that live.
 * @param age in transactions, from which on a table's rows are frozen.
 */
export async function vacuumsDue(db: Queryable, dead: number, age: number): Promise<DueVacuum[]> {
  return db.query(due, [dead, age]);
}

/** Not in a transaction. Blocks an embedded database while it runs. */
export async function vacuum(db: Queryable, { table, freeze }: DueVacuum): Promise<void> {
  await db.query(statement('', `vacuum ${freeze ? '(freeze) ' : ''}${table}`), []);
}
