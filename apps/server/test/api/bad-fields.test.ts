import { beforeAll, expect, test } from 'vitest';
import { answer, createEndpoint, type Endpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const endpoint = { url: 'https://example.com/' };
const event = { event_type: 'a', payload: {} };

onBothDatabases('a field', (kind) => {
  const stage = stageOn(kind);
  let id: string;

  beforeAll(async () => {
    ({ id } = await createEndpoint(stage.api, endpoint));
  });

  /** Each body must be refused and the fault's place named; nothing may be stored of any. */
  const refused = (table: readonly [string, object, string][]) =>
    leavingNothing(stage.api, async () => {
      for (const [path, body, fault] of table) {
        const problem = await refusal(stage.api.post(path, body), 'validation_failed');
        expect(problem.errors?.[0]?.path, `${path} ${JSON.stringify(body)}`).toBe(fault);
      }
    });

  test('of a wrong type or out of range is named', () =>
    refused([
      ['/v1/messages', { ...event, event_type: 5 }, '/event_type'],
      ['/v1/messages', { ...event, event_type: '' }, '/event_type'],
      ['/v1/messages', { ...event, event_type: 'a..b' }, '/event_type'],
      ['/v1/messages', { ...event, event_type: 'a b' }, '/event_type'],
      ['/v1/messages', { ...event, event_type: 'a\n' }, '/event_type'],
      ['/v1/messages', { ...event, event_type: 'a'.repeat(129) }, '/event_type'],
      ['/v1/messages', { ...event, payload: 'text' }, '/payload'],
      ['/v1/messages', { ...event, payload: null }, '/payload'],
      ['/v1/messages', { event_type: 'a' }, '/payload'],
      ['/v1/messages', { payload: {} }, '/event_type'],
      ['/v1/messages', { ...event, event_id: '' }, '/event_id'],
      ['/v1/messages', { ...event, event_id: 'x'.repeat(257) }, '/event_id'],
      ['/v1/messages', { ...event, channels: [] }, '/channels'],
      ['/v1/messages', { ...event, channels: ['a b'] }, '/channels/0'],
      ['/v1/messages', { ...event, endpoint_ids: [] }, '/endpoint_ids'],
      ['/v1/messages', { ...event, endpoint_ids: ['ep_nobody'] }, '/endpoint_ids/0'],
      ['/v1/messages', { ...event, endpoint_ids: [{}] }, '/endpoint_ids/0'],
      ['/v1/messages', { ...event, endpoint_ids: Array.from({ length: 100_000 }, () => 'x') }, '/endpoint_ids'],
      ['/v1/send', { ...event, destination: 'example.com' }, '/destination'],
      ['/v1/send', { ...event, destination: 5 }, '/destination'],
      ['/v1/webhooks/send', { payload: {}, endpoint_id: 'msg_x' }, '/endpoint_id'],
      ['/v1/endpoints', {}, '/url'],
      ['/v1/endpoints', { ...endpoint, type: 'carrier-pigeon' }, '/type'],
      ['/v1/endpoints', { ...endpoint, events: [] }, '/events'],
      ['/v1/endpoints', { ...endpoint, events: ['a.*.b'] }, '/events/0'],
      ['/v1/endpoints', { ...endpoint, events: ['**'] }, '/events/0'],
      ['/v1/endpoints', { ...endpoint, events: Array.from({ length: 100_000 }, () => 'a') }, '/events'],
      ['/v1/endpoints', { ...endpoint, events: ['a'], all_events: true }, '/all_events'],
      ['/v1/endpoints', { ...endpoint, active: 'yes' }, '/active'],
      ['/v1/endpoints', { ...endpoint, timeout_seconds: 0 }, '/timeout_seconds'],
      ['/v1/endpoints', { ...endpoint, timeout_seconds: 61 }, '/timeout_seconds'],
      ['/v1/endpoints', { ...endpoint, timeout_seconds: '5' }, '/timeout_seconds'],
      ['/v1/endpoints', { ...endpoint, retry_policy: 'never' }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, retry_policy: [-1] }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, retry_policy: {} }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, retry_policy: { on_exhausted: 'dead_letter' } }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, retry_policy: { delays: [-1] } }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, retry_policy: { delays: [], on_exhausted: 'explode' } }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, retry_policy: { delays: [], jitter: 1 } }, '/retry_policy'],
      ['/v1/endpoints', { ...endpoint, secret: 'whsec_short' }, '/secret'],
      ['/v1/endpoints', { ...endpoint, secret: `whsec_${'A'.repeat(31)}` }, '/secret'],
      ['/v1/endpoints', { ...endpoint, description: 'x'.repeat(1025) }, '/description'],
      ['/v1/endpoints', { ...endpoint, metadata: { a: 5 } }, '/metadata/a'],
      ['/v1/endpoints', { ...endpoint, metadata: [] }, '/metadata'],
      ['/v1/app', {}, '/name'],
      ['/v1/app', { name: '' }, '/name'],
      ['/v1/app', { name: 'a', uid: 'app_mine' }, '/uid'],
      ['/v1/app', { name: 'a', uid: 'default' }, '/uid'],
      ['/v1/app', { name: 'a', uid: 'a b' }, '/uid'],
      ['/v1/app', { name: 'a', uid: 'a\n' }, '/uid'],
      ['/v1/api-keys', { name: 'a', scope: 'root' }, '/scope'],
      ['/v1/api-keys', { scope: 'read' }, '/name'],
    ]));

  test('with a number too large for JavaScript is refused where a number is read', () =>
    leavingNothing(stage.api, async () => {
      for (const number of ['1e400', '-1e400', '9'.repeat(400)]) {
        const body = (field: string) => `{"url":"https://example.com/","${field}":${number}}`;
        await refusal(stage.api.post('/v1/endpoints', body('timeout_seconds')), 'validation_failed');
        await refusal(stage.api.post('/v1/endpoints', body('retry_policy')), 'validation_failed');
      }
    }));

  test('that is unknown is named, as a JSON pointer and not at full length', () =>
    refused([
      ['/v1/messages', { ...event, deliver: 1 }, '/deliver'],
      ['/v1/endpoints', { ...endpoint, 'a/b~c': 1 }, '/a~1b~0c'],
      ['/v1/app', { name: 'a', is_default: true }, '/is_default'],
      ['/v1/api-keys', { name: 'a', scope: 'read', key: 'x' }, '/key'],
      ['/v1/app', { name: 'a', ['x'.repeat(100_000)]: 1 }, `/${'x'.repeat(128)}`],
    ]));

  test('called __proto__ or constructor is unknown like any other', () =>
    leavingNothing(stage.api, async () => {
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        const problem = await refusal(
          stage.api.post('/v1/app', `{"name":"a","${name}":{"uid":"polluted"}}`),
          'validation_failed',
        );
        expect(problem.errors?.[0]?.path).toBe(`/${name}`);
      }
      await refusal(stage.api.post('/v1/app', '{"__proto__":{"name":"a"}}'), 'validation_failed');
    }));

  test('of metadata may be called __proto__, and comes back as it went in', async () => {
    const body = '{"name":"odd","metadata":{"__proto__":"x","constructor":"y","line\\nbreak":"z"}}';
    const made = await stage.api.post('/v1/app', body);
    const read = await stage.api.get(`/v1/app/${String(made.body.id)}`);
    expect(Object.entries(Object(read.body.metadata)).sort()).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['line\nbreak', 'z'],
    ]);
    expect((await stage.api.delete(`/v1/app/${String(made.body.id)}`)).status).toBe(204);
  });

  test('is refused in a PATCH as in a POST, and the rest of that PATCH with it', async () => {
    const read = () => answer<Endpoint>(stage.api.get(`/v1/endpoints/${id}`), 200);
    const before = await read();
    const bad = [
      { timeout_seconds: 0 },
      { url: 'http://127.0.0.1:1' + '\n' },
      { nobody: 1 },
      { headers: { host: 'a' } },
    ];
    for (const each of [...bad, { url: null }, { events: null }, { secret: 'whsec_x' }]) {
      await refusal(stage.api.patch(`/v1/endpoints/${id}`, { description: 'new', ...each }), 'validation_failed');
    }
    for (const body of ['null', '[]', '5']) {
      await refusal(stage.api.patch(`/v1/endpoints/${id}`, body), 'validation_failed');
    }
    expect(await read()).toEqual(before);
  });
});
