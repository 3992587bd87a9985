import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { firstIdAt, newId, type Uuid } from '../../src/core/ids.ts';
import { createLog } from '../../src/log.ts';
import { createReplayJobs } from '../../src/maintenance/replay-jobs.ts';
import type { Wakeable } from '../../src/service.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { insertReplayJob, type JobRow, readJob } from '../../src/store/job.ts';
import { AFTER_ALL } from '../../src/store/list.ts';
import { type ReplayFilter, replayNow } from '../../src/store/replay.ts';
import { Gate } from '../directory/stage.ts';
import { onBothDatabases } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { message, openStage, type Stage } from '../store/stage.ts';

onBothDatabases('replay jobs', (kind) => {
  let stage: Stage;
  let shop: Uuid;
  const running: Wakeable[] = [];

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    await stage.sql('delete from job');
    shop = (await stage.addEndpoint()).id;
  });
  afterEach(async () => {
    for (const service of running.splice(0)) await service.stop();
  });
  afterAll(() => stage.close());

  function run(db: Database = stage.db, onReplayed: () => void = () => {}): Wakeable {
    const service = createReplayJobs({ db, log: createLog('silent'), onReplayed });
    running.push(service);
    service.start();
    return service;
  }
  /** Dead letters of an endpoint: two attempts made, the lease at 7. */
  async function fail(count: number, endpointId = shop): Promise<void> {
    const sent = Array.from({ length: count }, () => message(stage, [{ endpointId }]));
    await insertMessages(stage.db, sent);
    await stage.sql(
      `update delivery set status = 'FAILED', attempt_count = 2, lease = 7, due_at = null, completed_at = now()
       where endpoint_id = $1`,
      [endpointId],
    );
  }
  async function add(total: number, filter: Partial<ReplayFilter> = {}): Promise<Uuid> {
    const id = newId();
    const range = { environmentId: stage.environment, after: firstIdAt(0), last: AFTER_ALL as Uuid };
    const asOf = await replayNow(stage.db);
    await insertReplayJob(stage.db, id, { ...range, asOf, filter: { statuses: ['FAILED'], ...filter } }, total);
    return id;
  }
  const read = async (id: Uuid) => (await readJob(stage.db, stage.environment, id)) as JobRow;
  const ended = (id: Uuid) =>
    until(
      () => read(id),
      ({ status }) => status === 'done' || status === 'failed',
    );
  /** How many deliveries there are in each state. */
  const books = () =>
    stage.sql('select status, trigger, lease, count(*)::integer as n from delivery group by 1, 2, 3 order by 1');
  const replayed = (n: number) => [{ status: 'PENDING', trigger: 'replay', lease: 8, n }];

  test('are done in chunks, and tell how far they are', async () => {
    await fail(1_200);
    const id = await add(1_200);
    expect(await read(id)).toMatchObject({ status: 'pending', done: 0, total: 1_200, errors: 0, completed_at: null });
    const progress: Promise<JobRow>[] = [];
    run(stage.db, () => progress.push(read(id)));
    expect(await ended(id)).toMatchObject({ status: 'done', done: 1_200, total: 1_200, errors: 0 });
    const seen = await Promise.all(progress);
    expect(seen).toHaveLength(3);
    // On PostgreSQL the next chunk does not wait for who reads.
    if (kind === 'embedded') expect(seen.map(({ done }) => done)).toEqual([500, 1_000, 1_200]);
    expect(await books()).toEqual(replayed(1_200));
  });

  test('of nothing are done too', async () => {
    const id = await add(0);
    run();
    expect(await ended(id)).toMatchObject({ status: 'done', done: 0, completed_at: expect.any(Date) });
  });

  test('that come while nothing is to be done are begun as soon as somebody says so', async () => {
    const gate = new Gate(stage.db);
    const service = run(gate);
    await until(
      () => gate.seen.length,
      (asked) => asked > 0,
    );
    await fail(1);
    const id = await add(1);
    service.wake();
    expect(await ended(id)).toMatchObject({ status: 'done', done: 1 });
  });

  test('take turns: a small one does not wait for the end of a large one', async () => {
    const till = (await stage.addEndpoint()).id;
    await fail(3_000);
    await fail(10, till);
    const [large, small] = [await add(3_000, { endpointId: shop }), await add(10, { endpointId: till })];
    let largeThen: Promise<JobRow> | undefined;
    run(stage.db, () => {
      void read(small).then((row) => {
        if (row.status === 'done') largeThen ??= read(large);
      });
    });
    expect(await ended(large)).toMatchObject({ status: 'done', done: 3_000 });
    expect((await largeThen)?.done).toBeLessThan(3_000);
    expect(await books()).toEqual(replayed(3_010));
  });

  test('whose process dies in a chunk are resumed by another, which replays each delivery once', async () => {
    await fail(1_700);
    const id = await add(1_700);
    const dying = new Gate(stage.db);
    let chunks = 0;
    // It dies with the second chunk done and its place not yet written down.
    dying.pass = (name, proceed) => {
      if (name !== 'job_advance' || ++chunks < 2) return proceed();
      dying.breakDown();
      return Promise.reject(Object.assign(new Error('terminated'), { code: 'ECONNRESET' }));
    };
    const first = run(dying);
    await until(
      () => chunks,
      (done) => done === 2,
    );
    await first.stop();
    expect(await read(id)).toMatchObject({ status: 'running', done: 500 });
    expect(await books()).toEqual([{ status: 'FAILED', trigger: 'scheduled', lease: 7, n: 1_200 }, ...replayed(500)]);
    run();
    expect(await ended(id)).toMatchObject({ status: 'done', done: 1_700, errors: 0 });
    expect(await books()).toEqual(replayed(1_700));
  });

  test('are nobody else’s while a process is at them, and each delivery is replayed once by any number', async () => {
    await fail(4_000);
    const ids = [await add(4_000), await add(4_000)];
    const others = kind === 'postgresql' ? [await openDatabase(stage.database.target, () => {})] : [];
    for (const db of [stage.db, stage.db, ...others, ...others]) run(db);
    const jobs = await Promise.all(ids.map(ended));
    expect(jobs.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(jobs.reduce((sum, { done }) => sum + done, 0)).toBe(4_000);
    expect(await books()).toEqual(replayed(4_000));
    for (const service of running.splice(0)) await service.stop();
    for (const other of others) await other.close();
  });

  test('that cannot be done fail, and do not hold up those behind them', async () => {
    await fail(1);
    const [broken, good] = [await add(1), await add(1)];
    await stage.sql(`update job set filter = '{"statuses":["FAILED"],"endpointId":"no uuid"}' where id = $1`, [broken]);
    run();
    expect(await ended(broken)).toMatchObject({ status: 'failed', done: 0, completed_at: expect.any(Date) });
    expect(await ended(good)).toMatchObject({ status: 'done', done: 1 });
  });

  test('count what they could not send again, and never show more done than there was', async () => {
    const gone = (await stage.addEndpoint({ status: 'disabled' })).id;
    await fail(3, gone);
    await fail(2);
    const id = await add(4);
    run();
    expect(await ended(id)).toMatchObject({ status: 'done', done: 2, errors: 3, total: 5 });
  });
});
