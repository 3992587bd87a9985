import { beforeAll, expect, test } from 'vitest';
import {
  type Accepted,
  answer,
  createEndpoint,
  type Delivery,
  type DirectAnswer,
  type EventAnswer,
  type List,
  type Message,
  sendTo,
  settled,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const DAY_MS = 86_400_000;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

onBothDatabases('a message with deliver_at', (kind) => {
  const stage = stageOn(kind);
  let endpointId: string;
  const event = (deliver_at: string) => ({ event_type: 'invoice.due', payload: { n: 1 }, deliver_at });

  beforeAll(async () => {
    const url = `${stage.receiver.url}/ok/later`;
    ({ id: endpointId } = await createEndpoint(stage.api, { url, events: ['invoice.*'] }));
    await answer(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    await answer(stage.api.post('/v1/app/acme/endpoints', { url, events: ['invoice.*'] }), 201);
  });

  const deliveryOf = async (messageId: string | undefined) => {
    const { deliveries } = await answer<Message>(stage.api.get(`/v1/messages/${messageId}`), 200);
    return deliveries[0] as Delivery;
  };

  test('waits until then, whichever way it came, and shows it as its next attempt', async () => {
    const at = inMs(3_600_000);
    const post = <T>(path: string, body: object) => answer<T>(stage.api.post(path, body), 202);
    const sent = await post<DirectAnswer>('/v1/send', { ...event(at), destination: endpointId });
    const published = await post<Accepted>('/v1/messages', event(at));
    const ofApp = await post<EventAnswer>('/v1/app/acme/event', event(at));
    const batch = await post<{ results: Accepted[] }>('/v1/messages/batch', { messages: [event(at)] });
    for (const id of [sent.message_id, published.id, ofApp.message_id, batch.results[0]?.id]) {
      expect(await deliveryOf(id)).toMatchObject({ status: 'PENDING', attempt_count: 0, next_attempt_at: at });
    }
    // One that has no such time is not held up by those that have.
    await settled(stage.api, await sendTo(stage.api, endpointId));
    const { data } = await answer<List<Delivery>>(stage.api.get('/v1/deliveries?status=PENDING'), 200);
    expect(data).toHaveLength(4);
  });

  test('is sent then, and not before', async () => {
    const at = inMs(700);
    const { id } = await answer<Accepted>(stage.api.post('/v1/messages', event(at)), 202);
    const [request] = await stage.receiver.waitFor(({ webhookId }) => webhookId === id);
    // The database and this process are on one machine, so they have one clock.
    expect(request?.receivedAt).toBeGreaterThanOrEqual(Date.parse(at));
    expect(await settled(stage.api, (await deliveryOf(id)).id)).toMatchObject({ status: 'SENT', attempt_count: 1 });
  });

  test('in the past is sent at once', async () => {
    for (const at of [inMs(-1_000), '1999-12-31T23:59:59+14:00']) {
      const { id } = await answer<Accepted>(stage.api.post('/v1/messages', event(at)), 202);
      await stage.receiver.waitFor(({ webhookId }) => webhookId === id);
    }
  });

  test('does not hold up a fifo endpoint', async () => {
    const url = `${stage.receiver.url}/ok/fifo`;
    const { id } = await createEndpoint(stage.api, { url, events: ['none'], ordering: 'fifo' });
    const later = await sendTo(stage.api, id, { deliver_at: inMs(3_600_000) });
    await settled(stage.api, await sendTo(stage.api, id));
    const soon = await sendTo(stage.api, id, { deliver_at: inMs(300) });
    await settled(stage.api, await sendTo(stage.api, id));
    expect(await settled(stage.api, soon)).toMatchObject({ status: 'SENT' });
    const waiting = await answer<Delivery>(stage.api.get(`/v1/deliveries/${later}`), 200);
    expect(waiting.status).toBe('PENDING');
  });

  test('is refused more than 30 days ahead, or where that is no time', async () => {
    const bad = [inMs(31 * DAY_MS), '2999-01-01T00:00:00Z', 'tomorrow', '2026-02-30T00:00:00Z', '2026-01-01T00:00:00'];
    for (const at of bad) {
      for (const path of ['/v1/messages', '/v1/app/never/event']) {
        const problem = await refusal(stage.api.post(path, event(at)), 'validation_failed');
        expect(problem.errors?.[0]?.path).toBe('/deliver_at');
      }
    }
    // Nor did a refused event make its application.
    await refusal(stage.api.get('/v1/app/never'), 'not_found');
    await answer(stage.api.post('/v1/messages', event(inMs(29 * DAY_MS))), 202);
  });
});
