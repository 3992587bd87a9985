import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { AFTER_ALL, BEFORE_ALL } from './list.ts';

/** Counting goes so far: a backlog of a million rows must not cost a million reads to look at. */
const BACKLOG_LIMIT = 10_000;

const waiting = (since: 'first_at' | 'again_at') =>
  `(select id from delivery where endpoint_id = $2 and ${since} is not null and environment_id = $1
    order by ${since}, id limit ${BACKLOG_LIMIT})`;

const read = statement<{ pending: number; oldest: Uuid | null }>(
  'backlog_read',
  `select least(count(*), ${BACKLOG_LIMIT})::integer as pending, min(id::text) as oldest
   from (${waiting('first_at')} union all ${waiting('again_at')}) as pending`,
);

/** How much waits for an endpoint now (up to the limit), and the oldest of it. */
export async function readBacklog(db: Queryable, environmentId: Uuid, endpointId: Uuid) {
  return (await db.query(read, [environmentId, endpointId]))[0] ?? { pending: 0, oldest: null };
}

const underWay = statement<{ count: number }>(
  'backlog_under_way',
  `select count(*)::integer as count from (
     select status from delivery
     where (endpoint_id, id) > ($2, '${BEFORE_ALL}') and (endpoint_id, id) <= ($2, $3)
       and environment_id = $1
     order by endpoint_id desc, id desc limit ${BACKLOG_LIMIT}) as latest
   where status = 'SENDING'`,
);

/** How many deliveries are on their way to an endpoint now, of its latest ones (up to the limit). */
export async function countUnderWay(db: Queryable, environmentId: Uuid, endpointId: Uuid): Promise<number> {
  return (await db.query(underWay, [environmentId, endpointId, AFTER_ALL]))[0]?.count ?? 0;
}
