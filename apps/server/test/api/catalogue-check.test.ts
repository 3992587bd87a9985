import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Accepted,
  type Application,
  all,
  answer,
  createEndpoint,
  type Message,
  type MessageRow,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const amount = { type: 'object', properties: { amount: { type: 'integer', minimum: 1 } }, required: ['amount'] };
const event = (event_type: string, payload: object = { amount: 1 }) => ({ event_type, payload });
const keyed = (key: string) => ({ 'idempotency-key': key });

interface Results {
  readonly results: (Accepted & { readonly error: { code: string; errors?: { path: string; message: string }[] } })[];
}

onBothDatabases('a message', (kind) => {
  const stage = stageOn(kind);
  let endpointId: string;

  beforeAll(async () => {
    ({ id: endpointId } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/checked` }));
    for (const body of [
      { name: 'known.amount', schema: amount },
      { name: 'known.free' },
      { name: 'known.archived', schema: amount },
    ]) {
      await answer(stage.api.post('/v1/event-types', body), 201);
    }
    await stage.api.delete('/v1/event-types/known.archived');
  });

  const hold = (settings: object) => answer(stage.api.patch('/v1/environment', settings), 200);
  /** Every way to send it: path and body. */
  const ways = (type: string, payload?: object): [path: string, body: object][] => [
    ['/v1/messages', event(type, payload)],
    ['/v1/app/default/messages', event(type, payload)],
    ['/v1/app/default/event', event(type, payload)],
    ['/v1/send', { ...event(type, payload), destination: endpointId }],
    ['/v1/send', { ...event(type, payload), destination: `${stage.receiver.url}/ok/direct` }],
    ['/v1/webhooks/send', { ...event(type, payload), endpoint_id: endpointId }],
  ];
  const read = (id: string) => answer<Message>(stage.api.get(`/v1/messages/${id}`), 200);
  const newest = async () => read((await all<MessageRow>(stage.api, '/v1/messages'))[0]?.id ?? '');

  test('is held against nothing unless its environment says so', async () => {
    for (const [path, body] of [
      ...ways('unknown.type'),
      ...ways('known.amount', { amount: 'none' }),
      ...ways('known.archived'),
    ]) {
      await answer(stage.api.post(path, body), 202);
    }
    expect(await newest()).toMatchObject({ payload_errors: null });
  });

  describe('of a strict environment', () => {
    beforeAll(() => hold({ strict_event_types: true }));

    test('is refused with a type that is not in the catalogue, or archived, whichever way it is sent', async () => {
      await leavingNothing(stage.api, async () => {
        for (const type of ['unknown.type', 'known.archived', 'constructor']) {
          for (const [path, body] of ways(type)) {
            const { errors } = await refusal(stage.api.post(path, body), 'unknown_event_type');
            expect(errors).toEqual([{ path: '/event_type', message: 'is not in the catalogue' }]);
          }
        }
        // What names no event type is of none that is known.
        const untyped = { endpoint_id: endpointId, payload: {} };
        await refusal(stage.api.post('/v1/webhooks/send', untyped), 'unknown_event_type');
      });
    });

    test('is accepted with a type that is, whatever its payload', async () => {
      for (const [path, body] of [...ways('known.free'), ...ways('known.amount', { amount: 'none' })]) {
        await answer(stage.api.post(path, body), 202);
      }
    });

    test('makes no application where it is refused', async () => {
      await refusal(stage.api.post('/v1/app/nobody-yet/event', event('unknown.type')), 'unknown_event_type');
      await refusal(stage.api.get('/v1/app/nobody-yet'), 'not_found');
      await answer(stage.api.post('/v1/app/nobody-yet/event', event('known.free')), 202);
      await answer<Application>(stage.api.get('/v1/app/nobody-yet'), 200);
    });

    test('makes no direct endpoint where it is refused', async () => {
      const direct = (type: string) => ({ ...event(type), destination: `${stage.receiver.url}/ok/never-before` });
      await refusal(stage.api.post('/v1/send', direct('unknown.type')), 'unknown_event_type');
      const urls = async () =>
        (await all<{ url: string }>(stage.api, '/v1/endpoints?direct=true')).map(({ url }) => url);
      expect(await urls()).not.toContain(`${stage.receiver.url}/ok/never-before`);
      await answer(stage.api.post('/v1/send', direct('known.free')), 202);
      expect(await urls()).toContain(`${stage.receiver.url}/ok/never-before`);
    });

    test('follows the catalogue at once as it changes', async () => {
      await refusal(stage.api.post('/v1/messages', event('late.type')), 'unknown_event_type');
      await answer(stage.api.post('/v1/event-types', { name: 'late.type' }), 201);
      await answer(stage.api.post('/v1/messages', event('late.type')), 202);
      await answer(stage.api.delete('/v1/event-types/late.type'), 204);
      await refusal(stage.api.post('/v1/messages', event('late.type')), 'unknown_event_type');
      await answer(stage.api.patch('/v1/event-types/late.type', { archived: false }), 200);
      await answer(stage.api.post('/v1/messages', event('late.type')), 202);
      await answer(stage.api.post('/v1/event-types/import', { event_types: [{ name: 'imported.type' }] }), 200);
      await answer(stage.api.post('/v1/messages', event('imported.type')), 202);
    });

    test('that was accepted with an idempotency key is answered as it was, though its type is archived since', async () => {
      await answer(stage.api.post('/v1/event-types', { name: 'once.known' }), 201);
      const send = () => stage.api.post('/v1/messages', event('once.known'), keyed('once-known'));
      const first = await send();
      await stage.api.delete('/v1/event-types/once.known');
      const second = await send();
      expect([first.status, second.status]).toEqual([202, 202]);
      expect(second.text).toBe(first.text);
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      const other = stage.api.post('/v1/messages', event('once.known', {}), keyed('once-known'));
      await refusal(other, 'idempotency_mismatch');
      await refusal(stage.api.post('/v1/messages', event('once.known'), keyed('another')), 'unknown_event_type');
    });

    test('that Postrider itself sends to test an endpoint needs no catalogue', async () => {
      await answer(stage.api.post(`/v1/endpoints/${endpointId}/test`), 202);
    });
  });

  describe('of an environment that refuses', () => {
    beforeAll(() => hold({ strict_event_types: false, payload_validation: 'refuse' }));

    test('is refused where its payload breaks the schema, and told where', async () => {
      await leavingNothing(stage.api, async () => {
        for (const [path, body] of ways('known.amount', { amount: 0 })) {
          const { errors, detail } = await refusal(stage.api.post(path, body), 'payload_invalid');
          expect(errors).toEqual([{ path: '/payload/amount', message: 'must be at least 1' }]);
          expect(detail).toBe('/payload/amount: must be at least 1');
        }
        const { errors } = await refusal(stage.api.post('/v1/messages', event('known.amount', [1])), 'payload_invalid');
        expect(errors).toEqual([{ path: '/payload', message: 'must be object' }]);
      });
    });

    test('is accepted where it fits, and where there is no schema in force', async () => {
      for (const type of ['known.amount', 'known.free', 'unknown.type']) {
        for (const [path, body] of ways(type)) await answer(stage.api.post(path, body), 202);
      }
      await answer(stage.api.post('/v1/messages', event('known.archived', { amount: 0 })), 202);
    });

    test('goes by the newest version of the schema, at once', async () => {
      await answer(stage.api.post('/v1/event-types', { name: 'newest', schema: amount }), 201);
      await refusal(stage.api.post('/v1/messages', event('newest', { amount: 0 })), 'payload_invalid');
      await answer(stage.api.patch('/v1/event-types/newest', { schema: {} }), 200);
      await answer(stage.api.post('/v1/messages', event('newest', { amount: 0 })), 202);
    });

    test('in a batch is refused alone', async () => {
      const messages = [event('known.amount', { amount: 1 }), event('known.amount', {}), event('unknown.type'), {}];
      const { results } = await answer<Results>(stage.api.post('/v1/messages/batch', { messages }), 202);
      expect(results.map(({ id, error }) => id?.slice(0, 4) ?? error.code)).toEqual([
        ...['msg_', 'payload_invalid', 'msg_', 'validation_failed'],
      ]);
      expect(results[1]?.error.errors).toEqual([{ path: '/payload/amount', message: 'is required' }]);
    });

    test('cannot hold up others, however much work it is', async () => {
      const twice = (n: number) => [1, 2].map(() => ({ $ref: `#/$defs/d${n}` }));
      const $defs = Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [`d${n}`, n === 39 ? {} : { allOf: twice(n + 1) }]),
      );
      const schema = { $ref: '#/$defs/d0', $defs };
      await answer(stage.api.post('/v1/event-types', { name: 'endless', schema }), 201);
      const { errors } = await refusal(stage.api.post('/v1/messages', event('endless')), 'payload_invalid');
      expect(errors).toEqual([{ path: '/payload', message: 'takes too much work to hold against its schema' }]);
    });
  });

  describe('of an environment that marks', () => {
    beforeAll(() => hold({ strict_event_types: true, payload_validation: 'mark' }));

    test('is accepted, and its faults are shown with it', async () => {
      const payload = '{"amount": 0.50 }';
      for (const [path] of ways('known.amount')) {
        const body = `{"event_type":"known.amount","payload":${payload}`;
        const target = path === '/v1/send' ? `,"destination":"${endpointId}"` : '';
        const more = path === '/v1/webhooks/send' ? `,"endpoint_id":"${endpointId}"` : target;
        await answer(stage.api.post(path, `${body}${more}}`), 202);
        const message = await newest();
        expect(message.payload_errors).toEqual([
          { path: '/payload/amount', message: 'must be integer' },
          { path: '/payload/amount', message: 'must be at least 1' },
        ]);
        const [request] = await stage.receiver.waitFor(({ webhookId }) => webhookId === message.id);
        expect(request?.body).toBe(payload);
      }
    });

    test('without a fault has none', async () => {
      const { id } = await answer<Accepted>(stage.api.post('/v1/messages', event('known.amount')), 202);
      expect((await read(id)).payload_errors).toBeNull();
      await refusal(stage.api.post('/v1/messages', event('unknown.type')), 'unknown_event_type');
    });

    test('has at most 20 faults', async () => {
      await answer(stage.api.post('/v1/event-types', { name: 'many', schema: { items: { type: 'string' } } }), 201);
      const payload = Array.from({ length: 100 }, (_, n) => n);
      const { id } = await answer<Accepted>(stage.api.post('/v1/messages', event('many', payload)), 202);
      expect((await read(id)).payload_errors).toHaveLength(20);
    });

    test('in a batch is marked alone, with an idempotency key or without', async () => {
      const messages = [event('known.amount'), event('known.amount', {}), event('known.free')];
      for (const headers of [{}, keyed('marked')]) {
        const { results } = await answer<Results>(stage.api.post('/v1/messages/batch', { messages }, headers), 202);
        const faults = await Promise.all(results.map(async ({ id }) => (await read(id)).payload_errors));
        expect(faults).toEqual([null, [{ path: '/payload/amount', message: 'is required' }], null]);
      }
    });
  });
});
