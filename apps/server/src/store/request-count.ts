import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** Calls of a key in the minute that is under way. */
export interface RequestCount {
  readonly api_key_id: Uuid;
  /** With those that were just added. */
  readonly requests: number;
  /** The end of the minute. */
  readonly reset_at: Date;
  readonly reset_ms: number;
}

// The row's lock puts the calls of all processes in one order, so the count that comes back is exact. A statement that
// began before the turn of a minute may come after one that began behind it: then it counts in the newer. Rows are locked
// in the order of their keys. A key that was deleted has no row, and gets none.
const count = statement<RequestCount>(
  'request_count_add',
  `insert into request_count as c (api_key_id, minute, requests)
   select k.id, date_trunc('minute', coalesce($3::timestamptz, statement_timestamp())), u.requests
   from unnest($1::uuid[], $2::integer[]) as u(id, requests) join api_key k on k.id = u.id
   on conflict (api_key_id) do update set
     minute = greatest(c.minute, excluded.minute),
     requests = case when excluded.minute > c.minute then 0 else c.requests end + excluded.requests
   returning api_key_id, requests, minute + interval '1 minute' as reset_at,
     extract(epoch from minute + interval '1 minute' - coalesce($3::timestamptz, statement_timestamp()))::float8 * 1000
       as reset_ms`,
);

/**
 * Counts calls, and says how many there are now.
 *
 * @param calls each key once, in the order of their ids.
 * @param now null: by the database's clock, so that processes need not agree on time.
 */
export async function countRequests(
  db: Queryable,
  calls: readonly { readonly id: Uuid; readonly requests: number }[],
  now: Date | null,
): Promise<RequestCount[]> {
  return db.query(count, [calls.map(({ id }) => id), calls.map(({ requests }) => requests), now]);
}
