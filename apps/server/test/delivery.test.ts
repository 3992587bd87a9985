import { type Receiver, startReceiver } from '@postrider/receiver';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, onBothDatabases, type TestDatabase } from './kit/database.ts';
import { startTestPostrider, type TestPostrider } from './kit/postrider.ts';

onBothDatabases('a published message', (kind) => {
  let database: TestDatabase;
  let postrider: TestPostrider;
  let receiver: Receiver;

  beforeAll(async () => {
    database = await createTestDatabase(kind);
    postrider = await startTestPostrider(database);
    receiver = await startReceiver();
  });
  afterAll(async () => {
    await postrider.stop();
    await receiver.close();
    await database.drop();
  });

  test('arrives at every matching endpoint, signed, byte for byte as posted', async () => {
    const { api } = postrider;
    const one = (await api.post('/v1/endpoints', { url: `${receiver.url}/ok/one`, events: ['invoice.*'] })).body;
    await api.post('/v1/endpoints', { url: `${receiver.url}/ok/other`, events: ['user.created'] });
    receiver.trust(String(one.secret), '/ok/one');
    const payload = '{ "amount": 1.0, "big": 12345678901234567890, "t\\u00e9xt": "\\ud83d\\ude00 é" }';
    const reply = await api.post('/v1/messages', `{"event_type":"invoice.paid","payload":${payload}}`);
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({ event_type: 'invoice.paid', fanout: 1 });

    const [request] = await receiver.waitFor((each) => each.path === '/ok/one');
    expect(request?.body).toBe(payload);
    expect(request?.verified).toBe(true);
    expect(request?.headers['webhook-id']).toBe(reply.body.message_id);
    expect(request?.headers['user-agent']).toBe('Postrider/1.0');
    // The published reference library agrees.
    expect(new Webhook(String(one.secret)).verify(payload, request?.headers ?? {})).toEqual(JSON.parse(payload));
    expect(receiver.received.some((each) => each.path === '/ok/other')).toBe(false);
  });
});
