import { beforeAll, expect, test } from 'vitest';
import { all, answer, createEndpoint, type MessageRow } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const event = (n: number, more: object = {}) => ({ event_type: 'invoice.paid', payload: { n }, ...more });
const keyed = (key: string) => ({ 'idempotency-key': key });

onBothDatabases('a call with an idempotency key', (kind) => {
  const stage = stageOn(kind);
  let endpointId: string;

  beforeAll(async () => {
    const url = `${stage.receiver.url}/ok`;
    ({ id: endpointId } = await createEndpoint(stage.api, { url, events: ['direct.only'] }));
  });

  const messages = async () => (await all<MessageRow>(stage.api, '/v1/messages')).length;

  test('is answered the second time as the first, and says that it is a replay', async () => {
    const before = await messages();
    const first = await stage.api.post('/v1/messages', event(1), keyed('one'));
    const second = await stage.api.post('/v1/messages', event(1), keyed('one'));
    expect(first.status).toBe(202);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect({ status: second.status, text: second.text }).toEqual({ status: first.status, text: first.text });
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(await messages()).toBe(before + 1);
  });

  test('is one call under /v1 and /api/v1', async () => {
    const first = await stage.api.post('/v1/messages', event(2), keyed('two'));
    const second = await stage.api.post('/api/v1/messages', event(2), keyed('two'));
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.text).toBe(first.text);
  });

  test('and another body is idempotency_mismatch, be it one space', async () => {
    const body = JSON.stringify(event(3));
    await answer(stage.api.post('/v1/messages', body, keyed('three')), 202);
    await leavingNothing(stage.api, async () => {
      for (const other of [event(4), `${body} `, event(3, { event_id: 'x' })]) {
        await refusal(stage.api.post('/v1/messages', other, keyed('three')), 'idempotency_mismatch');
      }
    });
  });

  test('makes one message however many come at once, and answers all of them alike', async () => {
    const before = await messages();
    const calls = Array.from({ length: 50 }, () => stage.api.post('/v1/messages', event(5), keyed('five')));
    const replies = await Promise.all(calls);
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(replies[0]?.status).toBe(202);
    expect(replies.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1);
    expect(await messages()).toBe(before + 1);
  });

  test('makes one message of 50 at once with different bodies, and refuses the rest', async () => {
    const before = await messages();
    const calls = Array.from({ length: 50 }, (_, n) => stage.api.post('/v1/messages', event(n), keyed('six')));
    const statuses = (await Promise.all(calls)).map(({ status }) => status).sort();
    expect(statuses).toEqual([202, ...Array.from({ length: 49 }, () => 409)]);
    expect(await messages()).toBe(before + 1);
  });

  test('takes it from the body on /v1/webhooks/send as from the header', async () => {
    const send = (more: object, headers = {}) =>
      stage.api.post('/v1/webhooks/send', { payload: { n: 1 }, endpoint_id: endpointId, ...more }, headers);
    const before = await messages();
    const inBody = [await send({ idempotency_key: 'seven' }), await send({ idempotency_key: 'seven' })];
    const inHeader = [await send({}, keyed('eight')), await send({}, keyed('eight'))];
    for (const [first, second] of [inBody, inHeader]) {
      expect(first?.body).toEqual({ message_id: expect.stringMatching(/^msg_/), status: 'queued' });
      expect(second?.text).toBe(first?.text);
      expect(second?.headers.get('idempotent-replayed')).toBe('true');
    }
    // One name space: what the header took, the body cannot take for another request.
    await refusal(send({ idempotency_key: 'eight' }), 'idempotency_mismatch');
    expect((await send({ idempotency_key: 'nine' }, keyed('nine'))).status).toBe(202);
    await refusal(send({ idempotency_key: 'ten' }, keyed('eleven')), 'validation_failed');
    expect(await messages()).toBe(before + 3);
  });

  test('is another call on another route, and for another application', async () => {
    for (const uid of ['first', 'second']) await answer(stage.api.post('/v1/app', { uid, name: uid }), 201);
    const before = await messages();
    const send = { payload: { n: 1 }, event_type: 'invoice.paid' };
    const replies = [
      await stage.api.post('/v1/messages', event(1), keyed('shared')),
      await stage.api.post('/v1/app/first/messages', event(1), keyed('shared')),
      await stage.api.post('/v1/app/second/messages', event(1), keyed('shared')),
      await stage.api.post('/v1/app/first/event', event(1), keyed('shared')),
      await stage.api.post('/v1/webhooks/send', { ...send, endpoint_id: endpointId }, keyed('shared')),
      await stage.api.post('/v1/send', { ...send, destination: endpointId }, keyed('shared')),
    ];
    expect(replies.map(({ status, headers }) => [status, headers.has('idempotent-replayed')])).toEqual(
      replies.map(() => [202, false]),
    );
    expect(await messages()).toBe(before + replies.length);
  });

  test('that is refused does not use the key up', async () => {
    await refusal(stage.api.post('/v1/messages', event(1, { channels: [] }), keyed('again')), 'validation_failed');
    await refusal(
      stage.api.post('/v1/messages', event(1, { headers: { host: 'a' } }), keyed('again')),
      'validation_failed',
    );
    await refusal(stage.api.post('/v1/messages', '{', keyed('again')), 'invalid_json');
    const reply = await stage.api.post('/v1/messages', event(1), keyed('again'));
    expect([reply.status, reply.headers.has('idempotent-replayed')]).toEqual([202, false]);

    await answer(stage.api.post('/v1/app', { uid: 'taken', name: 'a' }), 201);
    await refusal(stage.api.post('/v1/app', { uid: 'taken', name: 'b' }, keyed('app')), 'already_exists');
    await answer(stage.api.post('/v1/app', { uid: 'free', name: 'b' }, keyed('app')), 201);
  });

  test('takes 1 to 255 printable ASCII characters for one', async () => {
    for (const key of ['a', 'a b', '~!"#$%&/()', 'x'.repeat(255)]) {
      await answer(stage.api.post('/v1/messages', event(1), keyed(key)), 202);
    }
    await leavingNothing(stage.api, async () => {
      for (const key of ['', 'x'.repeat(256), 'é', 'a\tb']) {
        await refusal(stage.api.post('/v1/messages', event(1), keyed(key)), 'validation_failed');
        const inBody = { payload: {}, endpoint_id: endpointId, idempotency_key: key };
        await refusal(stage.api.post('/v1/webhooks/send', inBody), 'validation_failed');
      }
    });
  });
});
