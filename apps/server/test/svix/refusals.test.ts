import { Svix } from 'svix';
import { beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { newKey } from '../kit/postrider.ts';
import { stageOn } from '../kit/stage.ts';
import { refused, svixClient } from './client.ts';

onBothDatabases('a refusal', (kind) => {
  const stage = stageOn(kind);
  let svix: Svix;
  beforeAll(() => {
    svix = svixClient(stage.postrider);
  });

  test('of a field says where it is and what is wrong, as Svix does', async () => {
    expect(await refused(svix.application.create({ name: '' }), 422)).toEqual({
      detail: [{ loc: ['body', 'name'], msg: expect.any(String), type: 'value_error' }],
    });
    expect(await refused(svix.application.list({ limit: 251 }), 422)).toEqual({
      detail: [{ loc: ['query', 'limit'], msg: 'must be <= 250', type: 'value_error' }],
    });
    expect(await refused(svix.application.list({ iterator: 'msg_1' }), 422)).toEqual({
      detail: [{ loc: ['query', 'iterator'], msg: expect.any(String), type: 'value_error' }],
    });
    const long = { idempotencyKey: 'x'.repeat(256) };
    expect(await refused(svix.application.create({ name: 'a' }, long), 422)).toMatchObject({
      detail: [{ loc: ['header', 'idempotency-key'] }],
    });
  });

  test('of what Svix has and we do not is one too, rather than a silent yes', async () => {
    expect(await refused(svix.application.create({ name: 'a', throttleRate: 5 }), 422)).toMatchObject({
      detail: [{ loc: ['body', 'throttleRate'] }],
    });
    await refused(svix.application.list({ excludeAppsWithNoEndpoints: true }), 422);
    await svix.application.list({ excludeAppsWithNoEndpoints: false });
  });

  test('has a code and a detail, whatever stands in the way', async () => {
    const stranger = new Svix(newKey(), { serverUrl: `${stage.postrider.url}/svix` });
    expect(await refused(stranger.application.list(), 401)).toEqual({
      code: 'authentication_failed',
      detail: expect.any(String),
    });
    const { key } = (await stage.api.post('/v1/api-keys', { name: 'reader', scope: 'read' })).body;
    const reader = svixClient(stage.postrider, String(key));
    await reader.application.list();
    expect(await refused(reader.application.create({ name: 'a' }), 403)).toEqual({
      code: 'insufficient_scope',
      detail: expect.any(String),
    });
    expect(await refused(svix.streaming.stream.list(), 404)).toEqual({ code: 'not_found', detail: expect.any(String) });
    const large = { name: 'a', metadata: { a: 'x'.repeat(3_000_000) } };
    expect(await refused(svix.application.create(large), 413)).toMatchObject({ code: 'payload_too_large' });
  });

  test('that comes before any route is in the same form', async () => {
    for (const [path, body] of [
      ['/svix/api/v1/app/%zz', undefined],
      [`/svix/api/v1/app/${'a'.repeat(300)}`, undefined],
      ['/svix/nothing', undefined],
      ['/svix/api/v1/app', '{'],
    ] as const) {
      const reply = await stage.api.call(body ? 'POST' : 'GET', path, body);
      expect(reply.status, path).toBeGreaterThanOrEqual(400);
      expect(reply.status, path).toBeLessThan(500);
      expect(reply.headers.get('content-type'), path).toMatch(/^application\/json/);
      expect(reply.headers.get('x-request-id'), path).toMatch(/^req_/);
      expect(reply.body, path).toEqual({ code: expect.any(String), detail: expect.any(String) });
    }
  });

  test('of a method that does not exist is one', async () => {
    const reply = await stage.api.call('PUT', '/svix/api/v1/app');
    expect(reply.status).toBe(404);
    expect(reply.body).toMatchObject({ code: 'not_found' });
  });

  test('is not what health gives', async () => {
    await svix.health.get();
  });
});
