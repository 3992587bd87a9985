import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** Counting goes so far: a backlog of a million rows must not cost a million reads to look at. */
export const BACKLOG_LIMIT = 10_000;

const waiting = (attempts: string) =>
  `(select id from delivery
    where endpoint_id = $2 and status = 'PENDING' and attempt_count ${attempts} and environment_id = $1
    order by due_at, id limit ${BACKLOG_LIMIT})`;

const read = statement<{ pending: number; oldest: Uuid | null }>(
  'backlog_read',
  `select least(count(*), ${BACKLOG_LIMIT})::integer as pending, min(id::text) as oldest
   from (${waiting('= 0')} union all ${waiting('> 0')}) as pending`,
);

/** How much waits for an endpoint now (up to the limit), and the oldest of it. */
export async function readBacklog(db: Queryable, environmentId: Uuid, endpointId: Uuid) {
  return (await db.query(read, [environmentId, endpointId]))[0] ?? { pending: 0, oldest: null };
}

// By the index of leases: all that is in flight anywhere, which is little.
const underWay = statement<{ count: number }>(
  'backlog_under_way',
  `select count(*)::integer as count from delivery
   where status = 'SENDING' and due_at is not null and endpoint_id = $2 and environment_id = $1`,
);

/** How many deliveries are on their way to an endpoint now. */
export async function countUnderWay(db: Queryable, environmentId: Uuid, endpointId: Uuid): Promise<number> {
  return (await db.query(underWay, [environmentId, endpointId]))[0]?.count ?? 0;
}
