import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { answer, attemptsOf, createEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a request to an endpoint', (kind) => {
  const stage = stageOn(kind);
  const arrived = (path: string, count = 1) => stage.receiver.waitFor({ count, match: (each) => each.path === path });

  test('carries one webhook-id through every try, each with a time and a signature of its own', async () => {
    const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    // Over a second apart, or two tries could share a timestamp.
    const settings = { secret, retry_policy: [1.1, 1.1] };
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/fail-times/2/signed`, ...settings });
    const delivery = await settled(stage.api, await sendTo(stage.api, id, { payload: { größe: '✓', n: 1.0 } }));
    expect(delivery).toMatchObject({ status: 'SENT', attempt_count: 3 });
    const requests = await arrived('/fail-times/2/signed', 3);
    for (const { body, headers } of requests) {
      // The published library is the judge.
      expect(new Webhook(secret).verify(body, headers)).toEqual({ größe: '✓', n: 1 });
      expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
      expect(headers['webhook-id']).toBe(delivery.message_id);
    }
    const headersOf = (name: string) => new Set(requests.map(({ headers }) => headers[name]));
    expect(headersOf('webhook-timestamp').size).toBe(3);
    expect(headersOf('webhook-signature').size).toBe(3);
    // What is shown is what was sent.
    const attempts = await attemptsOf(stage.api, delivery.id);
    expect(attempts.map(({ request_headers }) => request_headers['webhook-timestamp'])).toEqual(
      requests.map(({ headers }) => headers['webhook-timestamp']),
    );
  });

  test('has one webhook-id per message, for every endpoint that it goes to', async () => {
    for (const name of ['a', 'b']) {
      await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/both/${name}`, events: ['for.both'] });
    }
    const body = { event_type: 'for.both', payload: [] };
    const { id } = await answer<{ id: string }>(stage.api.post('/v1/messages', body), 202);
    const requests = [...(await arrived('/ok/both/a')), ...(await arrived('/ok/both/b'))];
    expect(requests.map(({ webhookId }) => webhookId)).toEqual([id, id]);
  });

  test('has the headers of its endpoint and of its message; where both name one, the message wins', async () => {
    const { id } = await createEndpoint(stage.api, {
      url: `${stage.receiver.url}/ok/headers`,
      headers: { 'X-Tenant': 'acme', 'x-both': 'endpoint', Authorization: 'Bearer s3cret', 'x-latin': 'café' },
    });
    const headers = { 'X-Both': 'message', 'x-trace': '1', 'x-session-token': 's3cret too' };
    const delivery = await settled(stage.api, await sendTo(stage.api, id, { headers }));
    const [request] = await arrived('/ok/headers');
    expect(request?.headers).toMatchObject({
      'x-tenant': 'acme',
      'x-both': 'message',
      'x-trace': '1',
      'x-latin': 'café',
      'x-session-token': 's3cret too',
      authorization: 'Bearer s3cret',
      'content-type': 'application/json',
      'user-agent': 'Postrider/1.0',
      'webhook-id': delivery.message_id,
    });
    const [attempt] = await attemptsOf(stage.api, delivery.id);
    expect(attempt?.request_headers).toEqual({
      'x-tenant': 'acme',
      'x-both': 'message',
      'x-trace': '1',
      'x-latin': 'café',
      'x-session-token': '••••••',
      authorization: '••••••',
      'content-type': 'application/json',
      'user-agent': 'Postrider/1.0',
      'webhook-id': delivery.message_id,
      'webhook-timestamp': request?.headers['webhook-timestamp'],
      'webhook-signature': request?.headers['webhook-signature'],
    });
  });

  test('has the payload byte for byte, from every way to send', async () => {
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/ok/bytes` });
    const payload = '{ "b":1.0,\t"a":[1e2, -0, "\\u0041\\/"], "big":123456789012345678901234567890,\r\n"b":2 }';
    const bodies = {
      '/v1/send': `{"destination":"${id}","event_type":"a","payload":${payload}}`,
      '/v1/webhooks/send': `{"endpoint_id":"${id}","payload":${payload}}`,
      '/v1/messages': `{"event_type":"a","payload":${payload},"endpoint_ids":["${id}"]}`,
      '/v1/app/default/messages': `{"payload":${payload},"event_type":"a","endpoint_ids":["${id}"]}`,
      '/v1/app/default/event': `{"payload":0,"event_type":"a","endpoint_ids":["${id}"],"payl\\u006fad":${payload}}`,
    };
    for (const [path, body] of Object.entries(bodies)) await answer(stage.api.post(path, body), 202);
    const requests = await arrived('/ok/bytes', 5);
    expect(requests.map(({ body }) => body)).toEqual(requests.map(() => payload));
  });

  test('is made with the settings of the moment it is made', async () => {
    const url = `${stage.receiver.url}/status/500/old`;
    const { id, secret } = await createEndpoint(stage.api, { url, retry_policy: [] });
    const first = await settled(stage.api, await sendTo(stage.api, id));
    const change = { url: `${stage.receiver.url}/ok/new`, headers: { 'x-new': 'yes' } };
    await answer(stage.api.patch(`/v1/endpoints/${id}`, change), 200);
    await answer(stage.api.post(`/v1/deliveries/${first.id}/retry`), 202);
    expect(await settled(stage.api, first.id)).toMatchObject({ status: 'SENT' });
    const [request] = await arrived('/ok/new');
    expect(request?.headers['x-new']).toBe('yes');
    expect(new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {})).toEqual({ amount: 1 });
  });
});
