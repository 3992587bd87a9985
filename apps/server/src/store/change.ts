import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** What a cache may hold and must forget when it changes. */
export type Subject = { readonly kind: 'application' | 'api_key' | 'environment'; readonly id: Uuid };

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

interface Change extends Subject {
  readonly version: number;
}

const since = statement<{ current: number; version: number | null; kind: Subject['kind']; id: Uuid }>(
  'change_since',
  `select counter.version as current, change.version, subject_kind as kind, subject_id as id
   from change_counter as counter left join change on change.version > $1
   order by change.version limit 1000`,
);

/**
 * What has changed after a version, oldest first, at most 1,000 of it.
 *
 * @returns `current`, the newest version there is, and `isComplete`: false where some of what came after `version` is no
 * longer in the log, so that whoever asks must forget everything.
 */
export async function changesSince(db: Queryable, version: number) {
  const rows = await db.query(since, [version]);
  const changes = rows.filter((row): row is typeof row & Change => row.version !== null);
  const current = rows[0]?.current ?? version;
  // Versions have no gaps: the counter goes up by one in the very transaction that logs the change.
  const isComplete = current === version || changes[0]?.version === version + 1;
  return { current, changes, isComplete };
}

const prune = statement('change_prune', `delete from change where created_at < now() - interval '1 hour'`);

/** A process polls every second; what is an hour old nobody still has to hear. */
export async function pruneChanges(db: Queryable): Promise<void> {
  await db.query(prune, []);
}
