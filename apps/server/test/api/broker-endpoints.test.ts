import { expect, test } from 'vitest';
import { MASK } from '../../src/core/mask.ts';
import { openDatabase, statement } from '../../src/store/database.ts';
import { all, answer, type Endpoint, type NewEndpoint, sendTo, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { PASSWORD, quietRedisOn } from '../kit/quiet-redis.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an endpoint that is a queue of a broker', (kind) => {
  const stage = stageOn(kind);
  const redis = quietRedisOn('events');
  const { config } = redis;
  const create = (more: object = {}) =>
    answer<NewEndpoint>(
      stage.api.post('/v1/endpoints', { type: 'redis', config: config(), events: ['no'], ...more }),
      201,
    );
  const patch = (id: string, body: object) => stage.api.patch(`/v1/endpoints/${id}`, body);

  test('is described by the fields of its type, and so is a webhook', async () => {
    const { data } = await answer<{ data: { type: string; fields: { name: string; kind: string }[] }[] }>(
      stage.api.get('/v1/destination-types'),
      200,
    );
    expect(data[0]).toMatchObject({ type: 'webhook', fields: [{ name: 'url', kind: 'text', required: true }] });
    const fields = data.find(({ type }) => type === 'redis')?.fields ?? [];
    expect(fields.map(({ name }) => name)).toEqual(['url', 'stream', 'username', 'password', 'ca']);
    expect(fields.find(({ name }) => name === 'password')?.kind).toBe('secret');
  });

  test('is shown with its secrets masked, wherever it is shown', async () => {
    const { secret: _, ...made } = await create();
    expect(made).toMatchObject({ type: 'redis', url: `${redis.url}/events`, config: config({ password: MASK }) });
    const read = await stage.api.get(`/v1/endpoints/${made.id}`);
    expect(read.body).toEqual(made);
    const texts = [read.text, (await stage.api.get('/v1/endpoints')).text, (await stage.api.get('/v1/audit-log')).text];
    for (const text of texts) expect(text).not.toContain(PASSWORD);
  });

  test('is stored sealed', async () => {
    await create();
    await stage.restartAfter(async (database) => {
      const db = await openDatabase(database.target, () => {});
      const rows = await db.query(
        statement<{ config: Buffer }>('', "select config from endpoint where type = 'redis'"),
        [],
      );
      await db.close();
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row.config.includes(PASSWORD)).toBe(false);
    });
  });

  test('is changed field by field, and keeps what is not named', async () => {
    const { id } = await create();
    const changed = await answer<Endpoint>(patch(id, { config: { stream: 'others', password: MASK } }), 200);
    expect(changed).toMatchObject({ url: `${redis.url}/others`, config: config({ stream: 'others', password: MASK }) });
    expect(redis.commands.findLast(([name]) => name === 'AUTH')).toEqual(['AUTH', 'me', PASSWORD]);
    await answer(patch(id, { config: { password: 'another-one' } }), 200);
    expect(redis.commands.findLast(([name]) => name === 'AUTH')).toEqual(['AUTH', 'me', 'another-one']);
    const without = await answer<Endpoint>(patch(id, { config: { username: null, password: null } }), 200);
    expect(without.config).toEqual({ url: redis.url, stream: 'others' });
  });

  test('is not led elsewhere with a password that its caller does not know', async () => {
    const { id } = await create();
    const elsewhere = redis.url.replace('127.0.0.1', '127.0.0.2');
    const refused = await patch(id, { config: { url: elsewhere } });
    expect(refused.status).toBe(422);
    expect(refused.body.detail).toBe('/config/password: is to be given anew, as url has changed');
  });

  test.each<[string, () => object, string]>([
    ['without config', () => ({ type: 'redis' }), '/config: is required for type redis'],
    [
      'with a url',
      () => ({ type: 'redis', url: 'https://example.com', config: config() }),
      '/url: is of webhooks: a broker is set in config',
    ],
    [
      'with a field of another type',
      () => ({ type: 'redis', config: config({ topic: 'a' }) }),
      '/config/topic: is not a known field',
    ],
    [
      'with credentials in its URL',
      () => ({ type: 'redis', config: config({ url: 'redis://a:b@host' }) }),
      '/config/url: must not hold a user name or password: those have fields of their own',
    ],
    [
      'of an unknown type',
      () => ({ type: 'carrier-pigeon', config: {} }),
      '/type: must be equal to one of the allowed values',
    ],
    [
      'inside',
      () => ({ type: 'redis', config: config({ url: 'redis://10.0.0.1:6379' }) }),
      '/config: egress_blocked: private_address 10.0.0.1',
    ],
    [
      'of a webhook with a config',
      () => ({ url: 'https://example.com', config: config() }),
      '/config: is of brokers: a webhook has a url',
    ],
    ['of a webhook without a url', () => ({}), '/url: is required'],
  ])('is refused %s', async (_case, body, detail) => {
    const reply = await stage.api.post('/v1/endpoints', body());
    expect([reply.status, reply.body.detail]).toEqual([422, detail]);
    expect(reply.text).not.toContain(PASSWORD);
  });

  test('keeps its type', async () => {
    const { id } = await create();
    expect((await patch(id, { type: 'nats' })).status).toBe(422);
    expect((await patch(id, { url: 'https://example.com' })).body.detail).toBe(
      '/url: is of webhooks: a broker is set in config',
    );
    const webhook = await answer<NewEndpoint>(stage.api.post('/v1/endpoints', { url: stage.receiver.url }), 201);
    expect((await patch(webhook.id, { config: config() })).body.detail).toBe(
      '/config: is of brokers: a webhook has a url',
    );
  });

  test('asks nothing of its broker where a call is made again with its key', async () => {
    const key = { 'idempotency-key': 'once' };
    const body = { type: 'redis', config: config(), events: ['no'] };
    const first = await answer<NewEndpoint>(stage.api.post('/v1/endpoints', body, key), 201);
    const asked = redis.commands.length;
    const again = await stage.api.post('/v1/endpoints', body, key);
    expect([again.status, again.body.id]).toEqual([201, first.id]);
    expect(redis.commands).toHaveLength(asked);
  });

  test('gets a message once it is confirmed, and says in its log what was sent', async () => {
    const { id } = await create();
    const delivery = await settled(stage.api, await sendTo(stage.api, id, { payload: { n: 1 } }));
    expect(delivery).toMatchObject({ status: 'SENT', last_error: null });
    expect(redis.commands.some((command) => command[0] === 'EVALSHA' && command.includes('{"n":1}'))).toBe(true);
    const attempts = await all<{ status: string; request_headers: Record<string, string> }>(
      stage.api,
      `/v1/deliveries/${delivery.id}/attempts`,
    );
    expect(attempts).toMatchObject([{ status: 'success', request_headers: { 'event-type': 'invoice.paid' } }]);
    const stats = await stage.api.get(`/v1/deliveries?endpoint_id=${id}&status=SENT`);
    expect(stats.body.data).toHaveLength(1);
  });

  test('goes by the Svix surface with the URL that it is shown with, and no other', async () => {
    const { id } = await create();
    const path = `/svix/api/v1/app/default/endpoint/${id}`;
    const shown = await stage.api.get(path);
    expect(shown.body.url).toBe(`${redis.url}/events`);
    expect((await stage.api.put(path, { url: shown.body.url, description: 'ours' })).status).toBe(200);
    expect((await stage.api.patch(path, { url: 'https://example.com' })).status).toBe(422);
    expect((await stage.api.get(`/v1/endpoints/${id}`)).body).toMatchObject({ type: 'redis', description: 'ours' });
  });
});
