import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** What a cache may hold and must forget when it changes. */
export type Subject = { readonly kind: 'application' | 'api_key'; readonly id: Uuid };

const record = statement(
  'change_record',
  `with next as (update change_counter set version = version + 1 returning version)
   insert into change (version, subject_kind, subject_id) select version, $1, $2 from next`,
);

/**
 * Notes a change for the caches of all processes. The last statement of its transaction: the counter's row lock is what
 * puts versions in commit order, and it should be held for as short as can be.
 */
export async function recordChange(tx: Queryable, subject: Subject): Promise<void> {
  await tx.query(record, [subject.kind, subject.id]);
}

const currentVersion = statement<{ version: number }>('change_version', 'select version from change_counter');

export async function readVersion(db: Queryable): Promise<number> {
  const [row] = await db.query(currentVersion, []);
  return row?.version ?? 0;
}

const since = statement<{ version: number; kind: Subject['kind']; id: Uuid }>(
  'change_since',
  `select version, subject_kind as kind, subject_id as id from change where version > $1 order by version limit 1000`,
);

export async function changesSince(db: Queryable, version: number) {
  return db.query(since, [version]);
}

const prune = statement('change_prune', `delete from change where created_at < now() - interval '1 hour'`);

/** A process polls every second; what is an hour old nobody still has to hear. */
export async function pruneChanges(db: Queryable): Promise<void> {
  await db.query(prune, []);
}
