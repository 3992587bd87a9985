import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstIdAt, newId, publicId, type Uuid } from '../../core/ids.ts';
import { invalidFields, Problem } from '../../errors.ts';
import type { Queryable } from '../../store/database.ts';
import { countOpenJobs, insertReplayJob } from '../../store/job.ts';
import { AFTER_ALL } from '../../store/list.ts';
import { countReplay, type ReplayFilter, type ReplayRange, replayNow } from '../../store/replay.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';

/** A replay as a route has resolved it. */
export interface Replay {
  readonly filter: ReplayFilter;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly dry_run?: boolean | undefined;
  /** What is said of the job; unless told, its id and how many it is. */
  readonly answer?: (id: Uuid) => object;
}

/** Counted in one statement. */
const SLICE = 10_000;
/** Looked at in all, to count: some seconds' work. */
const MOST = 2_000_000;
/** Jobs that may be open at once, of one application, and of an environment as a whole. */
const MOST_OPEN = { application: 10, environment: 100 } as const;
/** Below every id of ours. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000' as Uuid;

/**
 * Answers a replay: how many deliveries it is, and the job that will do it, unless it is only asked.
 *
 * The count is exact. It looks at every delivery that the filter's index gives, in slices, so that no statement is long
 * and the embedded database has time for others; where there are too many it is refused with the advice to take less.
 */
export function createReplayer(deps: ApiDependencies) {
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    { filter, since, until, dry_run: isDry, answer }: Replay,
  ): Promise<FastifyReply> => {
    const { environmentId } = request.caller;
    const db = deps.tenant(environmentId);
    const call = keyedCall(request, filter.applicationId ?? null);
    const { matched, range } = await countAll(db, {
      environmentId,
      filter,
      // No id of ours is the first of its millisecond: these bounds are exclusive and lose nothing.
      after: since === undefined ? BEFORE_ALL : firstIdAt(Date.parse(since)),
      last: until === undefined ? (AFTER_ALL as Uuid) : firstIdAt(Date.parse(until)),
      asOf: await replayNow(db),
    });
    const outcome = await once(deps, request.caller, call, async (tx) => {
      if (isDry) return { status: 200, body: JSON.stringify({ matched }) };
      await limitOpenJobs(tx, environmentId, filter.applicationId ?? null);
      const id = newId();
      await insertReplayJob(tx, id, range, matched);
      await audit(tx, request, 'delivery.replay', publicId('job', id), {
        ...filterShown(filter),
        since,
        until,
        matched,
      });
      return { status: 202, body: JSON.stringify(answer?.(id) ?? { job_id: publicId('job', id), matched }) };
    });
    if (outcome.answer.status === 202) deps.wakeJobs();
    return sendAnswer(reply, outcome);
  };
}

/** Jobs take turns: what one customer opens must not hold up the replays of all others. */
async function limitOpenJobs(tx: Queryable, environmentId: Uuid, applicationId: Uuid | null): Promise<void> {
  const most = applicationId ? MOST_OPEN.application : MOST_OPEN.environment;
  if ((await countOpenJobs(tx, environmentId, applicationId, most)) < most) return;
  throw new Problem('too_many_jobs', `${most} replays are under way already`);
}

function filterShown({ statuses, applicationId, endpointId, eventType }: ReplayFilter) {
  return {
    statuses,
    ...(applicationId && { app_id: publicId('app', applicationId) }),
    ...(endpointId && { endpoint_id: publicId('ep', endpointId) }),
    ...(eventType !== undefined && { event_type: eventType }),
  };
}

/** How many fit, and the range up to the last that was there. */
async function countAll(db: Queryable, range: ReplayRange): Promise<{ matched: number; range: ReplayRange }> {
  let matched = 0;
  let after = range.after;
  for (let looked = 0; looked < MOST; looked += SLICE) {
    const slice = await countReplay(db, { ...range, after }, SLICE);
    matched += slice.matched;
    after = slice.last ?? after;
    if (slice.seen < SLICE) return { matched, range: { ...range, last: after } };
  }
  throw invalidFields([
    { path: '/', message: `covers more than ${MOST} deliveries; take them in parts, by since and until` },
  ]);
}
