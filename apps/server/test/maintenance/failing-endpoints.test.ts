import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FailingRule } from '../../src/core/failing.ts';
import { createLog } from '../../src/log.ts';
import { createFailingWatch } from '../../src/maintenance/failing-endpoints.ts';
import { disableEndpoint, readEndpoint } from '../../src/store/endpoint.ts';
import { noteFailing } from '../../src/store/failing.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from '../store/stage.ts';

const AT_ONCE: FailingRule = { spanMs: 0, quietMs: 60_000, minFailures: 2 };

onBothDatabases('the watch over failing endpoints', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  afterAll(() => stage.close());

  test('of two processes at once switches each of them off once, and says why', async () => {
    const rows = [await stage.addEndpoint(), await stage.addEndpoint(), await stage.addEndpoint()];
    const failed = rows.map(({ id, environment_id, application_id }, n) => ({
      ...{ id, environmentId: environment_id, applicationId: application_id },
      // The first has failed too seldom.
      failures: n + 1,
    }));
    await noteFailing(stage.db, failed, AT_ONCE);
    const news: string[] = [];
    const watches = [0, 1].map(() =>
      createFailingWatch({
        ...{ db: stage.db, log: createLog('silent'), rule: AT_ONCE },
        disable: async (endpoint, reason) => {
          if (await disableEndpoint(stage.db, endpoint.environmentId, endpoint.id, reason)) news.push(endpoint.id);
        },
      }),
    );
    for (const watch of watches) watch.start();
    for (const watch of watches) await watch.stop();
    expect(news.toSorted()).toEqual([rows[1]?.id, rows[2]?.id]);
    const states = await Promise.all(rows.map(({ id }) => readEndpoint(stage.db, stage.environment, null, id)));
    expect(states.map((row) => row?.disabled_reason)).toEqual([null, 'failing', 'failing']);
  });
});
