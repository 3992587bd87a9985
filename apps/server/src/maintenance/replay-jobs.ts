import { publicId, type Uuid } from '../core/ids.ts';
import type { Log } from '../log.ts';
import { repeating, type Wakeable } from '../service.ts';
import { type Database, isTransient } from '../store/database.ts';
import { advanceJob, failJob, isJobOpen, lockOpenJob } from '../store/job.ts';
import { replayChunk } from '../store/replay.ts';

/** A job that another process was told of is found this soon. */
const INTERVAL_MS = 1_000;
/** Deliveries looked at in one transaction: a moment's work, for which nobody notices the locks. */
const CHUNK = 500;

/**
 * Does the work of replay jobs, a chunk at a time, the jobs in turn: one tenant's million is no other's wait. Any number
 * of processes may run it, and one that dies in a chunk leaves the job as it was before.
 *
 * @param options.onReplayed told when deliveries wait that did not before.
 */
export function createReplayJobs(options: { db: Database; log: Log; onReplayed: () => void }): Wakeable {
  const { db, log, onReplayed } = options;
  return repeating(
    INTERVAL_MS,
    async () => {
      const chunk = await doChunk(db).catch(async (error: unknown) => {
        if (!(error instanceof StuckJob)) throw error;
        await failJob(db, error.jobId);
        log.error({ err: error.cause, job_id: publicId('job', error.jobId) }, 'a replay cannot be done');
        return null;
      });
      if (!chunk) return false;
      if (chunk.replayed > 0) onReplayed();
      const { id, status, done, errors } = chunk.job;
      if (status === 'done') log.info({ job_id: publicId('job', id), done, errors }, 'replay done');
      return true;
    },
    (error) => log.warn({ err: error }, 'replays cannot go on; trying again'),
  );
}

/** A job whose chunk would fail the same way for ever, and hold up the jobs behind it. */
class StuckJob extends Error {
  readonly jobId: Uuid;

  constructor(jobId: Uuid, cause: unknown) {
    super('a chunk of a job cannot be done', { cause });
    this.name = 'StuckJob';
    this.jobId = jobId;
  }
}

/** One chunk of the job whose turn it is, and what the job is then; null where none is open. */
async function doChunk(db: Database) {
  if (!(await isJobOpen(db))) return null;
  return db.transaction(async (tx) => {
    const open = await lockOpenJob(tx);
    if (!open) return null;
    try {
      const chunk = await replayChunk(tx, open.range, CHUNK);
      const job = await advanceJob(tx, open.id, chunk, chunk.seen < CHUNK);
      return { job, replayed: chunk.replayed };
    } catch (error) {
      throw isTransient(error) ? error : new StuckJob(open.id, error);
    }
  });
}
