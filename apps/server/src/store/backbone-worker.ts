import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** Who takes deliveries from the broker. */

/** One that has not been heard of for so long takes nothing any more. */
const ABSENT_SECONDS = 10;

const report = statement(
  'backbone_worker_report',
  `with gone as (delete from backbone_worker where seen_at < statement_timestamp() - interval '1 hour')
   insert into backbone_worker (id, seen_at, lag_ms) values ($1, statement_timestamp(), $2)
   on conflict (id) do update set seen_at = excluded.seen_at, lag_ms = excluded.lag_ms`,
);

/** @param lagMs how old what it took last was, or how long it had no room for more. */
export async function reportBackboneWorker(db: Queryable, id: Uuid, lagMs: number): Promise<void> {
  await db.query(report, [id, lagMs]);
}

const leave = statement('backbone_worker_leave', 'delete from backbone_worker where id = $1');

export async function removeBackboneWorker(db: Queryable, id: Uuid): Promise<void> {
  await db.query(leave, [id]);
}

// A handful of rows, and all of them.
const least = statement<{ lag_ms: number | null }>(
  'backbone_worker_lag',
  `select min(lag_ms) as lag_ms from backbone_worker
   where seen_at > statement_timestamp() - interval '${ABSENT_SECONDS} seconds'`,
);

/** How far the one is behind that is behind the least, milliseconds; null where there is none. */
export async function leastBackboneLag(db: Queryable): Promise<number | null> {
  return (await db.query(least, []))[0]?.lag_ms ?? null;
}
