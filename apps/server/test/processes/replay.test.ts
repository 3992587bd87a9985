import { afterEach, beforeEach, expect, test } from 'vitest';
import { answer, createEndpoint, type Job, jobEnded, type ReplayAnswer } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { inRows } from '../kit/rows.ts';
import { until } from '../kit/until.ts';
import { type Place, Stage } from './stage.ts';

const BATCHES = 40;
const DEAD_LETTERS = BATCHES * 500;
/** A chunk that a killed process was in is undone as soon as the database notices. */
const RESUME_MS = 60_000;

let stage: Stage;
afterEach(() => stage.clear());

onBothDatabases(`a replay of ${DEAD_LETTERS} dead letters`, (kind) => {
  beforeEach(async () => {
    stage = await Stage.set(kind);
  });

  test('whose process is killed goes on where it was, and puts each delivery back in line once', async () => {
    // No worker: what is put back in line stays there, to be counted.
    const env = { POSTRIDER_ROLES: 'api,maintenance' };
    const place = await stage.serve(env);
    await publish(place);
    await place.server.stop();
    await inRows(
      stage.database,
      `update delivery set status = 'FAILED', attempt_count = 1, lease = 1, due_at = null, completed_at = now()`,
    );

    place.begin();
    await place.server.ready();
    // On PostgreSQL another process is there to take over; the embedded database has the next one in the same place.
    const heir = kind === 'postgresql' ? await stage.serve(env) : place;
    const started = await answer<ReplayAnswer>(place.api.post('/v1/deliveries/replay', { filter: {} }), 202);
    expect(started.matched).toBe(DEAD_LETTERS);
    const reached: number[] = [];
    for (let kills = 0; kills < 2; kills++) {
      const from = reached.at(-1) ?? 0;
      const { done } = await until(
        () => answer<Job>(heir.api.get(`/v1/jobs/${started.job_id}`), 200),
        (job) => job.done > from,
        RESUME_MS,
      );
      await place.server.kill();
      reached.push(done);
      place.begin();
      await place.server.ready();
    }
    const job = await jobEnded(place.api, started.job_id);
    console.log(`replay (${kind}): killed at ${reached.join(' and ')} of ${DEAD_LETTERS}`);
    expect(job).toMatchObject({ status: 'done', done: DEAD_LETTERS, total: DEAD_LETTERS, errors: 0 });
    expect(Math.min(...reached)).toBeLessThan(DEAD_LETTERS);

    for (const each of new Set([place, heir])) await each.server.stop();
    const rows = await inRows(
      stage.database,
      'select status, trigger, attempt_count, lease, count(*)::integer as n from delivery group by 1, 2, 3, 4',
    );
    // A second replay of the same one would have raised its lease again.
    expect(rows).toEqual([{ status: 'PENDING', trigger: 'replay', attempt_count: 1, lease: 2, n: DEAD_LETTERS }]);
  });
});

async function publish(place: Place): Promise<void> {
  await createEndpoint(place.api, { url: `${stage.receiver.url}/ok/replayed`, events: ['*'] });
  const messages = Array.from({ length: 500 }, (_, n) => ({ event_type: 'a.b', payload: { n } }));
  for (let n = 0; n < BATCHES; n++) await answer(place.api.post('/v1/messages/batch', { messages }), 202);
}
