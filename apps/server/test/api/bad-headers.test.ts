import { beforeAll, expect, test } from 'vitest';
import { answer, createEndpoint, type NewEndpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const FORBIDDEN =
  'host connection keep-alive transfer-encoding content-length content-type content-encoding te trailer upgrade expect ' +
  'date cookie proxy-authorization proxy-x x-forwarded-for x-forwarded-proto forwarded via webhook-id webhook-signature ' +
  'webhook-timestamp svix-id svix-signature x-amz-security-token user-agent Host CONTENT-TYPE Webhook-Id';

const MALFORMED: Record<string, string>[] = [
  { '': 'a' },
  { 'a b': 'a' },
  { 'a:b': 'a' },
  { 'a\r\nx-injected': 'a' },
  { é: 'a' },
  { 'x-a': 'a\r\nx-injected: b' },
  { 'x-a': 'a\nb' },
  { 'x-a': '\u{1F600}' },
  { 'x-a': '•' },
  { 'x-a': 'a', 'X-A': 'b' },
  { 'x-a': 'x'.repeat(8192) },
  Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`x-${n}`, 'a'])),
];

onBothDatabases('a header', (kind) => {
  const stage = stageOn(kind);
  let endpoint: NewEndpoint;

  beforeAll(async () => {
    endpoint = await createEndpoint(stage.api, { url: 'https://example.com/' });
  });

  /** Every way to give a header of one's own. */
  function ways(headers: object): [string, string, object][] {
    const event = { event_type: 'a', payload: {}, headers };
    return [
      ['POST', '/v1/messages', event],
      ['POST', '/v1/app/nobody-yet/event', event],
      ['POST', '/v1/send', { ...event, destination: endpoint.id }],
      ['POST', '/v1/webhooks/send', { payload: {}, headers, endpoint_id: endpoint.id }],
      ['POST', '/v1/endpoints', { url: 'https://example.com/', headers }],
      ['PATCH', `/v1/endpoints/${endpoint.id}`, { headers }],
    ];
  }

  async function refusedEverywhere(headers: object) {
    for (const [method, path, body] of ways(headers)) {
      const problem = await refusal(stage.api.call(method, path, body), 'validation_failed');
      expect(problem.errors?.[0]?.path).toMatch(/^\/headers/);
    }
  }

  test('that is ours, the transport’s or the signature’s may not be set', () =>
    leavingNothing(stage.api, async () => {
      for (const name of FORBIDDEN.split(' ')) await refusedEverywhere({ [name]: 'a' });
    }));

  test('that is malformed, too long or one too many is refused', () =>
    leavingNothing(stage.api, async () => {
      for (const headers of MALFORMED) await refusedEverywhere(headers);
    }));

  test('of another type than text is refused, whatever its name', () =>
    leavingNothing(stage.api, async () => {
      for (const value of [null, 5, true, [], {}]) {
        for (const name of ['x-a', 'a\nb', '', '__proto__x']) await refusedEverywhere({ [name]: value });
      }
    }));

  test('authorization is for endpoints only', async () => {
    const headers = { Authorization: 'Bearer theirs' };
    const onEndpoint = await answer<NewEndpoint>(stage.api.post('/v1/endpoints', { url: endpoint.url, headers }), 201);
    expect(Object.keys(onEndpoint.headers)).toEqual(['authorization']);
    await leavingNothing(stage.api, async () => {
      for (const [method, path, body] of ways(headers).slice(0, 4)) {
        await refusal(stage.api.call(method, path, body), 'validation_failed');
      }
    });
  });

  test('a refused event leaves no application behind', async () => {
    await refusal(stage.api.get('/v1/app/nobody-yet'), 'not_found');
  });
});
