import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Api } from '../kit/api.ts';
import { until } from '../kit/until.ts';
import { type Place, Stage } from './stage.ts';

const WITHIN_MS = 2_000;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('on two processes with one PostgreSQL', () => {
  let stage: Stage;
  let one: Place;
  let other: Place;
  let lastBody: string;

  beforeEach(async () => {
    lastBody = '';
    stage = await Stage.set('postgresql', {
      onRequest: ({ body }) => {
        lastBody = body;
      },
    });
    one = await stage.serve();
    other = await stage.serve();
  });
  afterEach(() => stage.clear());

  test('an API key revoked on one stops working on the other within 2 s', async () => {
    const { body } = await one.api.post('/v1/api-keys', { name: 'soon gone', scope: 'read' });
    const holder = new Api(other.url, String(body.key));
    expect((await holder.get('/v1/endpoints')).status).toBe(200);

    expect((await one.api.delete(`/v1/api-keys/${body.id}`)).status).toBe(204);
    await until(
      () => holder.get('/v1/endpoints'),
      ({ status }) => status === 401,
      WITHIN_MS,
    );
  });

  test('an endpoint disabled on one stops matching on the other within 2 s, and enabled matches again', async () => {
    const { body } = await one.api.post('/v1/endpoints', { url: `${stage.receiver.url}/ok/x`, events: ['*'] });
    stage.receiver.trust(String(body.secret), '/ok/x');
    const matches = (wanted: number) =>
      until(
        () => other.api.post('/v1/messages', { event_type: 'order.paid', payload: { n: 0 } }),
        ({ body }) => body.fanout === wanted,
        WITHIN_MS,
      );
    // The other knows it by heart before it changes.
    await matches(1);

    expect((await one.api.patch(`/v1/endpoints/${body.id}`, { active: false })).status).toBe(200);
    await matches(0);
    expect((await one.api.post(`/v1/endpoints/${body.id}/enable`)).status).toBe(200);
    await matches(1);
  });

  test('what the environment decides on one is in force on the other within 2 s', async () => {
    await one.api.post('/v1/endpoints', { url: `${stage.receiver.url}/ok/x` });
    const arrivesAs = (body: RegExp) =>
      until(
        async () => {
          await other.api.post('/v1/messages', { event_type: 'order.paid', payload: { n: 0 } });
          return lastBody;
        },
        (last) => body.test(last),
        WITHIN_MS,
      );
    await arrivesAs(/^{"n":0}$/);

    expect((await one.api.patch('/v1/environment', { body_format: 'event' })).status).toBe(200);
    await arrivesAs(/^{"event_id":"msg_\w+","type":"order.paid","data":{"object":{"n":0}}}$/);
  });
});
