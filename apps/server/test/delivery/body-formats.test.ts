import { expect, test } from 'vitest';
import { answer, createEndpoint, type Message, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('the body of a delivery', (kind) => {
  const stage = stageOn(kind);
  // As it was posted, byte for byte.
  const payload = '{ "b":1.0, "a":"\\u0041" }';
  const publish = async (endpoint: string, more = '') => {
    const body = `{"event_type":"invoice.paid","payload":${payload},"endpoint_ids":["${endpoint}"]${more}}`;
    const { id } = await answer<{ id: string }>(stage.api.post('/v1/messages', body), 202);
    return answer<Message>(stage.api.get(`/v1/messages/${id}`), 200);
  };
  const arrived = async ({ id, deliveries }: Message, count = 1) => {
    for (const delivery of deliveries) await settled(stage.api, delivery.id);
    return stage.receiver.waitFor({ count, match: ({ webhookId }) => webhookId === id });
  };
  const expected = {
    raw: () => payload,
    event: ({ id, event_id }: Message) =>
      `{"event_id":"${event_id ?? id}","type":"invoice.paid","data":{"object":${payload}}}`,
    standard: ({ created_at }: Message) => `{"type":"invoice.paid","timestamp":"${created_at}","data":${payload}}`,
  };

  test.each(['raw', 'event', 'standard'] as const)(
    'is %s, signed as it is sent, and the same on a retry',
    async (body_format) => {
      const path = `/fail-times/1/${body_format}`;
      const settings = { url: stage.receiver.url + path, body_format, retry_policy: [0.01] };
      const { id, secret } = await createEndpoint(stage.api, settings);
      stage.receiver.trust(secret, path);
      // The first try is handed over in memory; the second is claimed, and comes from the database.
      for (const more of ['', ',"event_id":"evt-1"']) {
        const message = await publish(id, more);
        const tries = await arrived(message, 2);
        expect(tries.map(({ body, verified }) => [body, verified])).toEqual([
          [expected[body_format](message), true],
          [expected[body_format](message), true],
        ]);
      }
    },
  );

  test('follows the endpoint when it changes, and is raw again where it has none', async () => {
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/changing` });
    for (const body_format of [null, 'standard', 'event', null] as const) {
      await answer(stage.api.patch(`/v1/endpoints/${id}`, { body_format }), 200);
      const message = await publish(id);
      const [request] = await arrived(message);
      expect(request?.body).toBe(expected[body_format ?? 'raw'](message));
    }
  });
});
