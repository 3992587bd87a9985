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
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an endpoint whose stored secret is damaged', (kind) => {
  const stage = stageOn(kind);
  const endpointAt = (path: string, more: object = {}) =>
    createEndpoint(stage.api, { url: stage.receiver.url + path, retry_policy: [], ...more });
  const damage = (sql: string, id: string) =>
    stage.restartAfter(async (database) => {
      const db = await openDatabase(database.target, () => {});
      await db.query(statement('', sql), [id]);
      await db.close();
    });
  const publish = async () => {
    const { id, fanout } = await answer<Accepted>(
      stage.api.post('/v1/messages', { event_type: 'order.paid', payload: {} }),
      202,
    );
    const { data } = await answer<List<Delivery>>(stage.api.get(`/v1/deliveries?message_id=${id}`), 200);
    return { fanout, deliveries: await Promise.all(data.map((delivery) => settled(stage.api, delivery.id))) };
  };

  const DAMAGES = {
    secret: `update endpoint set secret = '\\x0102' where url like '%/' || $1`,
    config: `update endpoint set config = '\\x0102' where url like '%/' || $1`,
    headers: `update endpoint set headers = '\\x0102' where url like '%/' || $1`,
  };

  test.for(Object.entries(DAMAGES))('(%s) does not take the others of its application with it', async ([what, sql]) => {
    const broken = await endpointAt(`/ok/broken-${what}`, { headers: { 'x-own': '1' } });
    const whole = await endpointAt(`/ok/whole-${what}`);
    await damage(sql, `broken-${what}`);

    const { fanout, deliveries } = await publish();
    expect([fanout, deliveries.length]).toEqual([2, 2]);
    const states = Object.fromEntries(deliveries.map(({ endpoint_id, status }) => [endpoint_id, status]));
    expect(states).toEqual({ [broken.id]: 'FAILED', [whole.id]: 'SENT' });
    const failed = deliveries.find(({ status }) => status === 'FAILED');
    expect(failed).toMatchObject({ last_error: 'secret_unreadable', attempt_count: 1 });
    expect(await attemptsOf(stage.api, failed?.id ?? '')).toMatchObject([
      { status: 'failure', error: { code: 'secret_unreadable', message: expect.stringContaining('cannot be opened') } },
    ]);
    expect(stage.receiver.received.filter(({ path }) => path.includes('broken'))).toEqual([]);

    // It can still be seen and switched off; only its secret cannot be shown.
    const { data } = await answer<List<{ id: string }>>(stage.api.get('/v1/endpoints'), 200);
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining([broken.id, whole.id]));
    const shown = await stage.api.get(`/v1/endpoints/${broken.id}/secret`);
    expect([shown.status, shown.body.code]).toEqual([500, 'internal_error']);
    for (const { id } of [broken, whole]) expect((await stage.api.delete(`/v1/endpoints/${id}`)).status).toBe(204);
    await refusal(stage.api.get(`/v1/endpoints/${broken.id}`), 'not_found');
  });
});
