import { describe, expect, test } from 'vitest';
import { newDeliveryId, parseId, publicId, type Uuid } from '../../src/core/ids.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { type Database, openDatabase, statement } from '../../src/store/database.ts';
import { ensurePartitions } from '../../src/store/partition.ts';
import { all, answer, attemptsOf, createEndpoint, type Delivery, type Message, settled } from '../kit/answers.ts';
import { createTestDatabase, onBothDatabases, type TestDatabase } from '../kit/database.ts';
import { startTestPostrider } from '../kit/postrider.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';
import { message } from '../store/stage.ts';
import { daysAgo, idOf, TODAY } from './stage.ts';

async function on<T>(database: TestDatabase, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(database.target, () => {});
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

onBothDatabases('a Postrider that has run for long', (kind) => {
  const stage = stageOn(kind, { env: { POSTRIDER_RETENTION_DAYS: '20' } });

  test('drops what is finished, and sends what was held for longer than anything is kept', async () => {
    const endpoint = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/held` });
    await answer(stage.api.post(`/v1/endpoints/${endpoint.id}/pause`), 200);
    const [app_id, ep_id] = [parseId('app', endpoint.app_id), parseId('ep', endpoint.id)] as [Uuid, Uuid];
    const [finished, held] = [daysAgo(25), daysAgo(25) + 1].map(idOf) as [Uuid, Uuid];

    await stage.restartAfter((database) =>
      on(database, async (db) => {
        await ensurePartitions(db, daysAgo(25), TODAY);
        const environments = statement<{ environment_id: Uuid }>('', 'select environment_id from endpoint');
        const [row] = await db.query(environments, []);
        if (!row) throw new Error('the endpoint is gone');
        const accept = (id: Uuid) =>
          message(
            { environment: row.environment_id, application: app_id },
            [{ id: newDeliveryId(id), endpointId: ep_id, dueInMs: -1 }],
            { id, payload: `{"n":"${id}"}` },
          );
        await insertMessages(db, [accept(finished), accept(held)]);
        const end = statement('', "update delivery set status = 'FAILED', due_at = null where message_id = $1");
        await db.query(end, [finished]);
      }),
    );

    const get = (id: Uuid) => stage.api.get(`/v1/messages/${publicId('msg', id)}`);
    await until(
      async () => (await get(finished)).status,
      (status) => status === 404,
    );
    const story = await answer<Message>(get(held), 200);
    expect(story.deliveries).toMatchObject([{ status: 'PENDING', attempt_count: 0 }]);
    expect(await all<Message>(stage.api, '/v1/messages')).toHaveLength(1);
    expect(await all<Delivery>(stage.api, '/v1/deliveries')).toEqual(story.deliveries);

    await answer(stage.api.post(`/v1/endpoints/${endpoint.id}/resume`), 200);
    const [delivery] = story.deliveries;
    if (!delivery) throw new Error('the story has no delivery');
    expect(await settled(stage.api, delivery.id)).toMatchObject({ status: 'SENT' });
    expect(await attemptsOf(stage.api, delivery.id)).toMatchObject([{ number: 1, status: 'success' }]);
    const [request] = await stage.receiver.waitFor({ count: 1, match: ({ path }) => path === '/ok/held' });
    expect(request?.webhookId).toBe(publicId('msg', held));

    // What is finished now goes with the next run.
    await stage.restart();
    await until(
      async () => (await get(held)).status,
      (status) => status === 404,
    );
    expect((await stage.api.get(`/v1/deliveries/${delivery.id}`)).status).toBe(404);
    expect((await stage.api.get(`/v1/deliveries/${delivery.id}/attempts`)).status).toBe(404);
  });
});

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('two Postriders on one PostgreSQL', () => {
  test('have one leader, and the other takes over when that one stops', async () => {
    const database = await createTestDatabase('postgresql');
    const leader = () =>
      on(database, (db) => db.query(statement<{ holder: Uuid }>('', 'select holder from leader'), []));
    const first = await startTestPostrider(database);
    const [before] = await until(leader, (rows) => rows.length === 1);
    const second = await startTestPostrider(database);
    await first.stop();
    const [after] = await until(leader, (rows) => rows.length === 1);
    expect(after?.holder).not.toBe(before?.holder);
    await second.stop();
    expect(await leader()).toEqual([]);
    await database.drop();
  });
});
