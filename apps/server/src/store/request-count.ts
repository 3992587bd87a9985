import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** Calls of a key, or of an application's portal, in the minute that is under way. */
export interface RequestCount {
  readonly id: Uuid;
  /** With those that were just added. */
  readonly requests: number;
  /** The end of the minute. */
  readonly reset_at: Date;
  readonly reset_ms: number;
}

// The row's lock puts the calls of all processes in one order, so the count that comes back is exact. A statement that
// began before the turn of a minute may come after one that began behind it: then it counts in the newer. Rows are locked
// in the order of their ids. What was deleted has no row, and gets none.
const countIn = (name: string, table: string, owner: 'api_key' | 'application') =>
  statement<RequestCount>(
    name,
    `insert into ${table} as c (${owner}_id, minute, requests)
     select o.id, date_trunc('minute', coalesce($3::timestamptz, statement_timestamp())), u.requests
     from unnest($1::uuid[], $2::integer[]) as u(id, requests) join ${owner} o on o.id = u.id
     on conflict (${owner}_id) do update set
       minute = greatest(c.minute, excluded.minute),
       requests = case when excluded.minute > c.minute then 0 else c.requests end + excluded.requests
     returning ${owner}_id as id, requests, minute + interval '1 minute' as reset_at,
       extract(epoch from minute + interval '1 minute' - coalesce($3::timestamptz, statement_timestamp()))::float8 * 1000
         as reset_ms`,
  );
const ofKeys = countIn('request_count_add', 'request_count', 'api_key');
const ofPortals = countIn('portal_request_count_add', 'portal_request_count', 'application');

export type CountRequests = typeof countRequests;

/**
 * Counts calls, and says how many there are now.
 *
 * @param calls of API keys, each once, in the order of their ids.
 * @param now null: by the database's clock, so that processes need not agree on time.
 */
export async function countRequests(
  db: Queryable,
  calls: readonly { readonly id: Uuid; readonly requests: number }[],
  now: Date | null,
): Promise<RequestCount[]> {
  return db.query(ofKeys, [calls.map(({ id }) => id), calls.map(({ requests }) => requests), now]);
}

/** The same of portal sessions, by their applications. */
export const countPortalRequests: CountRequests = (db, calls, now) =>
  db.query(ofPortals, [calls.map(({ id }) => id), calls.map(({ requests }) => requests), now]);
