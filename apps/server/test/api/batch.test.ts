import { beforeAll, expect, test } from 'vitest';
import { type Accepted, all, answer, createEndpoint, type Message, type MessageRow } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

interface Refused {
  readonly error: { code: string; detail: string; errors?: { path: string; message: string }[] };
}
interface Results {
  readonly results: (Accepted & Refused)[];
}

const event = (n: number, more: object = {}) => ({ event_type: 'invoice.paid', payload: { n }, ...more });
const keyed = (key: string) => ({ 'idempotency-key': key });

onBothDatabases('a batch', (kind) => {
  const stage = stageOn(kind);
  let endpointId: string;

  beforeAll(async () => {
    const url = `${stage.receiver.url}/ok/batch`;
    ({ id: endpointId } = await createEndpoint(stage.api, { url, events: ['invoice.*'] }));
  });

  const publish = (messages: unknown, headers: Record<string, string> = {}, path = '/v1/messages/batch') =>
    stage.api.post(path, { messages }, headers);
  const stored = async () => (await all<MessageRow>(stage.api, '/v1/messages')).length;

  test('is accepted message by message, each answered as it would be alone', async () => {
    const { results } = await answer<Results>(publish([event(1), event(2, { event_type: 'user.created' })]), 202);
    expect(results).toEqual(
      [
        ['invoice.paid', 1],
        ['user.created', 0],
      ].map(([event_type, fanout]) => ({
        ...{ id: expect.stringMatching(/^msg_/), message_id: results[0] && expect.any(String), event_type, fanout },
        created_at: expect.any(String),
      })),
    );
    for (const { id } of results) await answer<Message>(stage.api.get(`/v1/messages/${id}`), 200);
    await stage.receiver.waitFor(({ webhookId }) => webhookId === results[0]?.id);
  });

  test('takes 500, in order, and no more and no fewer than 1', async () => {
    const before = await stored();
    const messages = Array.from({ length: 500 }, (_, n) => event(n, { event_type: 'a.b', event_id: `e${n}` }));
    const { results } = await answer<Results>(publish(messages), 202);
    expect(new Set(results.map(({ id }) => id)).size).toBe(500);
    expect(results.map(({ id }) => id)).toEqual(results.map(({ id }) => id).toSorted());
    const first: Message = await answer(stage.api.get(`/v1/messages/${results[7]?.id}`), 200);
    expect(first).toMatchObject({ event_id: 'e7', payload: { n: 7 } });
    expect(await stored()).toBe(before + 500);
    for (const wrong of [[], [...messages, event(500)], {}, 'x', null, undefined]) {
      expect((await refusal(publish(wrong), 'validation_failed')).errors?.[0]?.path).toBe('/messages');
    }
  });

  test('refuses what is wrong with a message as it would be refused alone, and accepts the others', async () => {
    const wrong: [unknown, string, string | undefined][] = [
      [5, 'validation_failed', '/'],
      [null, 'validation_failed', '/'],
      [[event(1)], 'validation_failed', '/'],
      [{ payload: {} }, 'validation_failed', '/event_type'],
      [event(1, { payload: 'text' }), 'validation_failed', '/payload'],
      [event(1, { event_type: 'a..b' }), 'validation_failed', '/event_type'],
      [event(1, { nobody: 1 }), 'validation_failed', '/nobody'],
      [event(1, { headers: { host: 'a' } }), 'validation_failed', '/headers/host'],
      [event(1, { endpoint_ids: ['ep_x'] }), 'validation_failed', '/endpoint_ids/0'],
      [event(1, { deliver_at: '2999-01-01T00:00:00Z' }), 'validation_failed', '/deliver_at'],
      [event(1, { payload: ['x'.repeat(256 * 1024)] }), 'payload_too_large', undefined],
    ];
    const before = await stored();
    const messages = wrong.flatMap(([message], n) => [event(n), message]);
    const { results } = await answer<Results>(publish(messages), 202);
    expect(results.filter((_, n) => n % 2 === 0).map(({ id }) => typeof id)).toEqual(wrong.map(() => 'string'));
    for (const [n, [message, code, path]] of wrong.entries()) {
      const { error } = results[n * 2 + 1] ?? {};
      expect({ code: error?.code, path: error?.errors?.[0]?.path }).toEqual({ code, path });
      const alone = await refusal(stage.api.post('/v1/messages', message), code as 'validation_failed');
      expect(error?.detail).toBe(alone.detail);
    }
    expect(await stored()).toBe(before + wrong.length);
  });

  test('of nothing but wrong messages is answered with a result for each too', () =>
    leavingNothing(stage.api, async () => {
      const { results } = await answer<Results>(publish([{}, 1]), 202);
      expect(results.map(({ error }) => error.code)).toEqual(['validation_failed', 'validation_failed']);
    }));

  test('sends each payload on byte for byte', async () => {
    const payloads = ['{ "a" : 1.0, "b":\t"\\u0041" }', '[1e2 , {"messages":[{"payload":2}]}]', '{"é":-0.0}'];
    const texts = payloads.map((payload, n) => `{"payload":${payload} ,"event_type":"invoice.raw","event_id":"r${n}"}`);
    const body = `{"messages":[{"payload":0}],"m\\u0065ssages": [ ${texts.join(' ,\n')}\t] }`;
    const { results } = await answer<Results>(stage.api.post('/v1/messages/batch', body), 202);
    for (const [n, { id }] of results.entries()) {
      const [request] = await stage.receiver.waitFor(({ webhookId }) => webhookId === id);
      expect(request?.body).toBe(payloads[n]);
    }
  });

  test('may have 8 MiB, and other calls still 2', async () => {
    const big = (n: number) => event(n, { event_type: 'a.b', payload: ['x'.repeat(250 * 1024)] });
    const { results } = await answer<Results>(publish(Array.from({ length: 32 }, (_, n) => big(n))), 202);
    expect(results.every(({ id }) => id)).toBe(true);
    await refusal(publish(Array.from({ length: 34 }, (_, n) => big(n))), 'payload_too_large');
    const others = stage.api.post('/v1/messages', `{"a":"${'x'.repeat(3 * 1024 * 1024)}"}`);
    await refusal(others, 'payload_too_large');
  });

  test('goes to the application in its path', async () => {
    const { id } = await answer<{ id: string }>(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    const path = '/v1/app/acme/messages/batch';
    const { results } = await answer<Results>(
      publish([event(1), event(2, { endpoint_ids: [endpointId] })], {}, path),
      202,
    );
    expect(results[1]?.error.errors).toEqual([
      { path: '/endpoint_ids/0', message: 'is not an endpoint of this application' },
    ]);
    expect(await answer(stage.api.get(`/v1/messages/${results[0]?.id}`), 200)).toMatchObject({ app_id: id, fanout: 0 });
    await refusal(publish([event(1)], {}, '/v1/app/nobody/messages/batch'), 'not_found');
  });

  test('with an idempotency key is done once, and answered alike, bad messages too', async () => {
    const before = await stored();
    const messages = [event(1), { wrong: true }, event(2)];
    const replies = await Promise.all(Array.from({ length: 20 }, () => publish(messages, keyed('many'))));
    replies.push(await publish(messages, keyed('many')));
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(replies.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
    const { results } = JSON.parse(replies[0]?.text ?? '') as Results;
    expect(results.map(({ id, error }) => id?.slice(0, 4) ?? error.code)).toEqual([
      'msg_',
      'validation_failed',
      'msg_',
    ]);
    for (const n of [0, 2]) await stage.receiver.waitFor(({ webhookId }) => webhookId === results[n]?.id);
    expect(await stored()).toBe(before + 2);
    await refusal(publish([event(1)], keyed('many')), 'idempotency_mismatch');
    // Of nothing but wrong messages as well.
    const wrong = [await publish([{}], keyed('wrong')), await publish([{}], keyed('wrong'))];
    expect(wrong[1]?.text).toBe(wrong[0]?.text);
    expect(wrong[1]?.headers.get('idempotent-replayed')).toBe('true');
    expect(await stored()).toBe(before + 2);
  });
});
