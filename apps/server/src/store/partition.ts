import { firstIdAt } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** The tables that are partitioned by day, over ids that begin with their time. */
export const PARTITIONED = ['message', 'delivery', 'attempt'] as const;

export const DAY_MS = 86_400_000;

/**
 * Makes the partitions of the UTC days from `from` to `to` (milliseconds since 1970), where they are missing, and a
 * default partition: a clock that is far off then costs tidiness, never a message.
 */
export async function ensurePartitions(db: Queryable, from: number, to: number): Promise<void> {
  for (const table of PARTITIONED) {
    await db.query(statement('', `create table if not exists ${table}_default partition of ${table} default`), []);
    for (let day = startOfDay(from); day <= to; day += DAY_MS) {
      await db.query(
        statement(
          '',
          `create table if not exists ${partitionName(table, day)} partition of ${table} ` +
            `for values from ('${firstIdAt(day)}') to ('${firstIdAt(day + DAY_MS)}')`,
        ),
        [],
      );
    }
  }
}

/** `message_20261121` */
export function partitionName(table: (typeof PARTITIONED)[number], day: number): string {
  return `${table}_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

function startOfDay(at: number): number {
  return at - (at % DAY_MS);
}
