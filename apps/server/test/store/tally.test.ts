import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { bucketOf } from '../../src/core/latency-histogram.ts';
import { HOUR_MS, totalOf } from '../../src/core/statistics-window.ts';
import { addTally, countAttempt, newTally, type Tally } from '../../src/core/tally.ts';
import { openDatabase } from '../../src/store/database.ts';
import {
  addTallies,
  type Counted,
  expireTallies,
  readLastTimes,
  readTallies,
  rollMinutes,
} from '../../src/store/tally.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

/** Two failures, one success, two deliveries made. */
function some(): Tally {
  const tally = newTally();
  countAttempt(tally, { kind: 'response', status: 500 }, 'PENDING', 10);
  countAttempt(tally, { kind: 'error', code: 'timeout' }, 'FAILED', 30_000);
  countAttempt(tally, { kind: 'response', status: 200 }, 'SENT', 10);
  tally.accepted = 2;
  return tally;
}

onBothDatabases('statistics', (kind) => {
  let stage: Stage;
  let endpoint: Uuid;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => {
    endpoint = newId();
  });
  afterAll(() => stage.close());

  const counted = (tally: Tally, id = endpoint): Counted => ({
    subject: { id, environmentId: stage.environment, applicationId: stage.application },
    tally,
  });
  const add = (tally: Tally) => addTallies(stage.db, [counted(tally)]);
  const read = (since = 0) => readTallies(stage.db, stage.environment, null, endpoint, since);
  const age = (interval: string) =>
    stage.sql('update tally set at = at - $2::interval where subject_id = $1', [endpoint, interval]);
  const rows = () =>
    stage.sql<{ width: number; sent: number }>(
      'select width, sent from tally where subject_id = $1 order by at, width',
      [endpoint],
    );

  test('add up in the row of their minute', async () => {
    await add(some());
    await add(some());
    const sum = some();
    addTally(sum, some());
    expect(totalOf(await read())).toEqual(sum);
    // Two, where a minute ended between the two.
    expect([1, 2]).toContain((await rows()).length);
  });

  test('know when something last went well and last failed', async () => {
    expect(await readLastTimes(stage.db, stage.environment, endpoint)).toEqual({
      last_success_at: null,
      last_failure_at: null,
    });
    await add({ ...newTally(), sent: 1 });
    const first = await readLastTimes(stage.db, stage.environment, endpoint);
    expect(first).toEqual({ last_success_at: expect.any(Date), last_failure_at: null });
    const failure = newTally();
    failure.failures.http_5xx = 1;
    await add(failure);
    expect(await readLastTimes(stage.db, stage.environment, endpoint)).toEqual({
      last_success_at: first.last_success_at,
      last_failure_at: expect.any(Date),
    });
  });

  test('of minutes become hours two hours later, and say the same as before', async () => {
    await stage.sql('delete from tally');
    for (let minute = 0; minute < 5; minute++) {
      await add(some());
      // All into one hour that has passed, each into a minute of its own.
      await stage.sql(
        `update tally set at = date_trunc('hour', now()) - interval '3 hours' + $2 * interval '1 minute'
         where subject_id = $1 and at > now() - interval '2 hours'`,
        [endpoint, minute],
      );
    }
    await add(some());
    const before = totalOf(await read());
    const times = await readLastTimes(stage.db, stage.environment, endpoint);
    expect(await rollMinutes(stage.db, 3)).toBe(3);
    expect(await rollMinutes(stage.db, 3)).toBe(2);
    expect(await rollMinutes(stage.db, 3)).toBe(0);
    expect(await rows()).toEqual([
      { width: 60, sent: 5 },
      { width: 1, sent: 1 },
    ]);
    expect(totalOf(await read())).toEqual(before);
    expect(await readLastTimes(stage.db, stage.environment, endpoint)).toEqual(times);
  });

  test('are read from a time on, and are gone when theirs is over', async () => {
    await add(some());
    await age('40 days');
    await rollMinutes(stage.db, 1_000);
    await add(some());
    expect(await read(Date.now() - HOUR_MS)).toHaveLength(1);
    expect(await read()).toHaveLength(2);
    expect(await expireTallies(stage.db, 50, 10)).toBe(0);
    expect(await expireTallies(stage.db, 31, 10)).toBe(1);
    expect(await read()).toHaveLength(1);
  });

  test('of another environment or application look like nothing', async () => {
    await add(some());
    const other = await stage.addEnvironment();
    expect(await readTallies(stage.db, other, null, endpoint, 0)).toEqual([]);
    expect(await readTallies(stage.db, stage.environment, newId(), endpoint, 0)).toEqual([]);
    expect(await readTallies(stage.db, stage.environment, stage.application, endpoint, 0)).toHaveLength(1);
    expect((await readLastTimes(stage.db, other, endpoint)).last_success_at).toBeNull();
  });

  test.skipIf(kind === 'embedded')('of two processes that add to the same rows at once are all there', async () => {
    const other = await openDatabase(stage.database.target, () => {});
    try {
      const ids = Array.from({ length: 50 }, () => newId());
      const writes = Array.from({ length: 20 }, (_, n) => {
        // Each in an order of its own: the statement puts them in the one that does not deadlock.
        const mine = n % 2 === 0 ? ids : ids.toReversed();
        return addTallies(
          n % 2 === 0 ? stage.db : other,
          mine.map((id) => counted(some(), id)),
        );
      });
      await Promise.all(writes);
      for (const id of ids) {
        expect(totalOf(await readTallies(stage.db, stage.environment, null, id, 0))).toMatchObject({
          ...{ accepted: 40, sent: 20, failed: 20 },
          failures: { timeout: 20, http_5xx: 20 },
        });
      }
      const [row] = await readTallies(stage.db, stage.environment, null, ids[0] ?? endpoint, 0);
      expect(row?.tally.latency[bucketOf(10)]).toBeGreaterThan(0);
    } finally {
      await other.close();
    }
  });
});
