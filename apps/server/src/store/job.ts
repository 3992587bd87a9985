import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { type Page, pageOf, Where } from './list.ts';
import type { Chunk, ReplayFilter, ReplayRange } from './replay.ts';

/**
 * The life of a job: pending ──first chunk──▶ running ──last chunk──▶ done; or failed, where a chunk cannot be done at
 * all. Each chunk is one transaction: the job's row is locked, the chunk done, the place reached written down. So no two
 * processes are at the same job at once, and a crash neither loses nor repeats a chunk.
 */
export type JobStatus = 'pending' | 'running' | 'done' | 'failed';

/** A job as people see it. */
export interface JobRow {
  readonly id: Uuid;
  readonly kind: 'replay';
  readonly filter: ReplayFilter;
  readonly status: JobStatus;
  readonly done: number;
  readonly total: number;
  readonly errors: number;
  readonly created_at: Date;
  readonly completed_at: Date | null;
}

const COLUMNS = 'id, kind, filter, status, done, total, errors, created_at, completed_at';

const read = statement<JobRow>('job_read', `select ${COLUMNS} from job where id = $2 and environment_id = $1`);

export async function readJob(db: Queryable, environmentId: Uuid, id: Uuid): Promise<JobRow | undefined> {
  return (await db.query(read, [environmentId, id]))[0];
}

/** Newest first. */
export async function listJobs(db: Queryable, environmentId: Uuid, page: Page): Promise<JobRow[]> {
  return db.query(
    ...pageOf<JobRow>(`select ${COLUMNS} from job`, new Where([['environment_id', environmentId]]), page),
  );
}

const insert = statement(
  'job_insert',
  `insert into job (id, environment_id, application_id, kind, filter, after_id, last_id, as_of, total)
   values ($1, $2, $3, 'replay', $4, $5, $6, $7::timestamptz, $8)`,
);

/** A job to replay what fits in this range: `total` deliveries, as counted. */
export async function insertReplayJob(db: Queryable, id: Uuid, range: ReplayRange, total: number): Promise<void> {
  const { environmentId, filter, after, last, asOf } = range;
  const filterJson = JSON.stringify(filter);
  await db.query(insert, [id, environmentId, filter.applicationId ?? null, filterJson, after, last, asOf, total]);
}

const lockOpening = statement('job_lock_opening', 'select pg_advisory_xact_lock(72433923, hashtext($1::uuid::text))');

const countOpen = statement<{ count: number }>(
  'job_count_open',
  `select count(*)::integer as count from (
     select from job where environment_id = $1 and application_id is not distinct from $2
       and status in ('pending', 'running') limit $3) as open`,
);

/**
 * How many jobs of this application are open, at most `limit`; null: of the environment as a whole. Whoever asks is the only
 * one to open one there, to the end of the transaction.
 */
export async function countOpenJobs(tx: Queryable, environmentId: Uuid, applicationId: Uuid | null, limit: number) {
  await tx.query(lockOpening, [applicationId ?? environmentId]);
  return (await tx.query(countOpen, [environmentId, applicationId, limit]))[0]?.count ?? 0;
}

/** A job that is not finished, its row locked to the end of the transaction; `range` is what is left of it. */
export interface OpenJob {
  readonly id: Uuid;
  readonly range: ReplayRange;
}

interface OpenRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly filter: ReplayFilter;
  readonly after_id: Uuid;
  readonly last_id: Uuid;
  readonly as_of: string;
}

const anyOpen = statement<{ isThere: boolean }>(
  'job_any_open',
  `select exists (select from job where status in ('pending', 'running')) as "isThere"`,
);

/** Whether a job is not finished: where nobody replays, asking that is all the work there is, and needs no transaction. */
export async function isJobOpen(db: Queryable): Promise<boolean> {
  return (await db.query(anyOpen, []))[0]?.isThere ?? false;
}

const lockOpen = statement<OpenRow>(
  'job_lock_open',
  `select id, environment_id, filter, after_id, last_id, as_of::text as as_of from job
   where status in ('pending', 'running') order by worked_at limit 1 for update skip locked`,
);

/** The job that waited longest for a turn and that nobody else has in hand. */
export async function lockOpenJob(tx: Queryable): Promise<OpenJob | undefined> {
  const [row] = await tx.query(lockOpen, []);
  if (!row) return undefined;
  const { id, environment_id: environmentId, filter, after_id: after, last_id: last, as_of: asOf } = row;
  return { id, range: { environmentId, filter, after, last, asOf } };
}

const advance = statement<JobRow>(
  'job_advance',
  `update job set
     after_id = coalesce($2, after_id), done = done + $3, errors = errors + $4,
     -- What failed in the very moment of the count may not be in it.
     total = greatest(total, done + $3 + errors + $4),
     status = case when $5 then 'done' else 'running' end,
     worked_at = statement_timestamp(), completed_at = case when $5 then statement_timestamp() end
   where id = $1 returning ${COLUMNS}`,
);

/** Writes down what a chunk did, in the chunk's own transaction. */
export async function advanceJob(
  tx: Queryable,
  id: Uuid,
  { last, replayed, refused }: Chunk,
  isLast: boolean,
): Promise<JobRow> {
  const [row] = await tx.query(advance, [id, last, replayed, refused, isLast]);
  if (!row) throw new Error('a job that was locked is gone');
  return row;
}

const fail = statement(
  'job_fail',
  `update job set status = 'failed', completed_at = statement_timestamp()
   where id = $1 and status in ('pending', 'running')`,
);

/** Ends a job of which a chunk cannot be done. What was done before stays done. */
export async function failJob(db: Queryable, id: Uuid): Promise<void> {
  await db.query(fail, [id]);
}
