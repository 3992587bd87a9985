import { beforeAll, expect, test } from 'vitest';
import { type Application, answer, createEndpoint } from '../kit/answers.ts';
import type { Reply } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { flawsOf, leavingNothing } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

// As JSON escapes: the bytes that arrive are plain ASCII, the text they mean is what no database holds.
const UNHOLDABLE: Record<string, string> = {
  NUL: '\\u0000',
  'half a surrogate pair': '\\ud83d',
  'the other half': '\\ude00',
  'a pair the wrong way round': '\\ude00\\ud83d',
};

/** Every field that takes text, with `@` where the text goes. `:ep` and `:app` stand for existing ones. */
const FIELDS: readonly string[] = [
  'POST /v1/app {"name":"a@"}',
  'POST /v1/app {"name":"a","uid":"a@"}',
  'POST /v1/app {"name":"a","metadata":{"a":"b@"}}',
  'POST /v1/app {"name":"a","metadata":{"a@":"b"}}',
  'PATCH /v1/app/:app {"name":"a@"}',
  'PATCH /v1/app/:app {"uid":"a@"}',
  'PATCH /v1/app/:app {"metadata":{"a@":"b"}}',
  'POST /v1/api-keys {"name":"a@","scope":"read"}',
  'POST /v1/api-keys {"name":"a","scope":"read@"}',
  'POST /v1/endpoints {"url":"https://example.com/@"}',
  'POST /v1/endpoints {"url":"https://example.com/","events":["a@"]}',
  'POST /v1/endpoints {"url":"https://example.com/","channels":["a@"]}',
  'POST /v1/endpoints {"url":"https://example.com/","description":"a@"}',
  'POST /v1/endpoints {"url":"https://example.com/","metadata":{"a":"b@"}}',
  'POST /v1/endpoints {"url":"https://example.com/","metadata":{"a@":"b"}}',
  'POST /v1/endpoints {"url":"https://example.com/","metadata":{"a@":null}}',
  'POST /v1/endpoints {"url":"https://example.com/","headers":{"x-a":"b@"}}',
  'POST /v1/endpoints {"url":"https://example.com/","headers":{"x-a@":"b"}}',
  'POST /v1/endpoints {"url":"https://example.com/","secret":"whsec_@"}',
  'PATCH /v1/endpoints/:ep {"url":"https://example.com/@"}',
  'PATCH /v1/endpoints/:ep {"description":"a@"}',
  'PATCH /v1/endpoints/:ep {"metadata":{"a@":"b"}}',
  'PATCH /v1/endpoints/:ep {"headers":{"x-a@":"b"}}',
  'POST /v1/messages {"event_type":"a@","payload":{}}',
  'POST /v1/messages {"event_type":"a","payload":{},"event_id":"a@"}',
  'POST /v1/messages {"event_type":"a","payload":{},"channels":["a@"]}',
  'POST /v1/messages {"event_type":"a","payload":{},"endpoint_ids":["ep_@"]}',
  'POST /v1/messages {"event_type":"a","payload":{},"headers":{"x-a":"b@"}}',
  'POST /v1/messages {"event_type":"a","payload":{},"headers":{"x-a@":"b"}}',
  'POST /v1/send {"event_type":"a","payload":{},"destination":"ep_@"}',
  'POST /v1/webhooks/send {"payload":{},"endpoint_id":":ep","idempotency_key":"a@"}',
  'POST /v1/webhooks/send {"payload":{},"endpoint_id":":ep","event_type":"a@"}',
];

onBothDatabases('text', (kind) => {
  const stage = stageOn(kind);
  let endpointId: string;
  let appId: string;

  beforeAll(async () => {
    ({ id: endpointId } = await createEndpoint(stage.api, { url: 'https://example.com/' }));
    ({ id: appId } = await answer<Application>(stage.api.post('/v1/app', { name: 'a' }), 201));
  });

  function call(field: string, text: string): Promise<Reply> {
    const [method = '', path = '', body = ''] = field
      .replace(':ep', endpointId)
      .replace(':app', appId)
      .replace('@', text)
      .split(/ (.*?) (.*)/);
    return stage.api.call(method, path, body);
  }

  for (const [what, text] of Object.entries(UNHOLDABLE)) {
    test(`with ${what} is refused in every field`, () =>
      leavingNothing(stage.api, async () => {
        const wrong: Record<string, unknown> = {};
        for (const field of FIELDS) {
          const reply = await call(field, text);
          const flaws = flawsOf(reply);
          if (reply.status !== 422 || flaws.length > 0) wrong[field] = { text: reply.text, flaws };
        }
        expect(wrong).toEqual({});
      }));
  }

  test('of a payload is the producer’s own: kept and sent as it came, escapes and all', async () => {
    const payload = '{"nul":"\\u0000","half":"\\ud83d","\\u0000":"\\ude00"}';
    const made = await stage.api.post('/v1/messages', `{"event_type":"a","payload":${payload}}`);
    expect(made.status).toBe(202);
    const read = await stage.api.get(`/v1/messages/${String(made.body.id)}`);
    expect(read.text).toContain(`"payload":${payload}}`);
  });

  test('of any script, with emoji, quotes and line breaks, comes back as it went in', async () => {
    const odd = '"\\\\\'; drop table app; --\\n\\r\\t\u{1F600} 你好 עברית e\u0301 \u2028 \uFFFD <script>';
    const name = JSON.parse(`"${odd.replaceAll('"', '\\"')}"`) as string;
    const made = await answer<Application>(stage.api.post('/v1/app', { name, metadata: { [name]: name } }), 201);
    const read = await answer<Application>(stage.api.get(`/v1/app/${made.id}`), 200);
    expect(read).toMatchObject({ name, metadata: { [name]: name } });
  });
});
