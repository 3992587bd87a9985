import { expect, test } from 'vitest';
import { openDatabase, statement } from '../../src/store/database.ts';
import {
  type Accepted,
  answer,
  attemptsOf,
  createEndpoint,
  type Delivery,
  type List,
  settled,
} from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { newKey, startTestPostrider } from '../kit/postrider.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('what is sealed for one row', (kind) => {
  const stage = stageOn(kind);

  test('does not open in another: only the endpoints that were tampered with stop', async () => {
    const endpointAt = (name: string) =>
      createEndpoint(stage.api, {
        ...{ url: `${stage.receiver.url}/ok/${name}`, retry_policy: [], headers: { 'x-own': name } },
      });
    const endpoints = {
      one: await endpointAt('one'),
      two: await endpointAt('two'),
      own: await endpointAt('own'),
      foreign: await endpointAt('foreign'),
      whole: await endpointAt('whole'),
    };
    const keys = await Promise.all(
      [1, 2].map((n) =>
        answer<{ id: string; key: string }>(stage.api.post('/v1/api-keys', { name: `${n}`, scope: 'read' }), 201),
      ),
    );

    await stage.restartAfter(async (database) => {
      const liveKey = newKey('live');
      const production = await startTestPostrider(database, { env: { POSTRIDER_BOOTSTRAP_API_KEY: liveKey } });
      await createEndpoint(new Api(production.url, liveKey), { url: `${stage.receiver.url}/ok/production` });
      await production.stop();

      const db = await openDatabase(database.target, () => {});
      const put = (column: string, name: string, from: string, fromName: string) =>
        db.query(
          statement(
            '',
            `update endpoint set ${column} = (select ${from} from before where url like '%/ok/' || $2)
             where url like '%/ok/' || $1`,
          ),
          [name, fromName],
        );
      await db.script('create table before as select * from endpoint');
      await put('secret', 'one', 'secret', 'two');
      await put('secret', 'two', 'secret', 'one');
      await put('secret', 'own', 'headers', 'own');
      await put('secret', 'foreign', 'secret', 'production');
      await db.script('drop table before');
      await db.script(
        'update api_key k set key = (select key from api_key other where other.id <> k.id and length(other.name) = 1) where length(name) = 1',
      );
      await db.close();
    });

    const { id, fanout } = await answer<Accepted>(
      stage.api.post('/v1/messages', { event_type: 'order.paid', payload: {} }),
      202,
    );
    expect(fanout).toBe(5);
    const { data } = await answer<List<Delivery>>(stage.api.get(`/v1/deliveries?message_id=${id}`), 200);
    const ended = await Promise.all(data.map((delivery) => settled(stage.api, delivery.id)));
    for (const [name, endpoint] of Object.entries(endpoints)) {
      const delivery = ended.find(({ endpoint_id }) => endpoint_id === endpoint.id);
      const shown = await stage.api.get(`/v1/endpoints/${endpoint.id}/secret`);
      if (name === 'whole') {
        expect(delivery).toMatchObject({ status: 'SENT' });
        expect(shown.body).toEqual({ secret: endpoint.secret });
        continue;
      }
      expect({ name, ...delivery }).toMatchObject({ name, status: 'FAILED', last_error: 'secret_unreadable' });
      expect(await attemptsOf(stage.api, delivery?.id ?? '')).toMatchObject([{ error: { code: 'secret_unreadable' } }]);
      expect([name, shown.status, shown.body.code]).toEqual([name, 500, 'internal_error']);
      // It is still there, to be seen and deleted.
      expect((await stage.api.get(`/v1/endpoints/${endpoint.id}`)).status).toBe(200);
    }
    expect(stage.receiver.received.map(({ path }) => path)).toEqual(['/ok/whole']);
    // A key that was tampered with still lets its owner in, and shows itself to nobody.
    for (const { id: keyId, key } of keys) {
      expect((await new Api(stage.postrider.url, key).get('/v1/endpoints')).status).toBe(200);
      const { status, body } = await stage.api.post(`/v1/api-keys/${keyId}/reveal`);
      expect([status, body.detail]).toEqual([500, 'a stored secret cannot be opened']);
    }
  });
});
