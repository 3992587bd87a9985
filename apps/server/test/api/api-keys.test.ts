import { expect, test } from 'vitest';
import { type ApiKey, all, answer, type NewApiKey } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { onBothDatabases } from '../kit/database.ts';
import { newKey, startTestPostrider } from '../kit/postrider.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an API key', (kind) => {
  const stage = stageOn(kind);
  const create = (scope: string, name = 'backend') =>
    answer<NewApiKey>(stage.api.post('/v1/api-keys', { name, scope }), 201);
  const using = (key: string) => new Api(stage.postrider.url, key);

  test('is shown when it is made, and in lists by its last four characters', async () => {
    const { key, ...shown } = await create('read', 'Billing – 账单');
    expect(key).toMatch(/^pr_test_[A-Za-z0-9]{38}$/);
    expect(shown).toEqual({
      id: expect.stringMatching(/^key_/),
      name: 'Billing – 账单',
      scope: 'read',
      last4: key.slice(-4),
      expires_at: null,
      last_used_at: null,
      rate_limit: null,
      created_at: expect.stringMatching(/Z$/),
    });
    expect(await all<ApiKey>(stage.api, '/v1/api-keys')).toContainEqual(shown);
    expect((await stage.api.get('/v1/api-keys')).text).not.toContain(key.slice(8, 30));
  });

  test('works from the moment it is made, and in its scope', async () => {
    const [reader, writer, admin] = [await create('read'), await create('write'), await create('admin')];
    const statuses = async ({ key }: NewApiKey) => [
      (await using(key).get('/v1/endpoints')).status,
      (await using(key).post('/v1/app', { name: 'a' })).status,
      (await using(key).get('/v1/api-keys')).status,
    ];
    expect(await statuses(reader)).toEqual([200, 403, 403]);
    expect(await statuses(writer)).toEqual([200, 201, 403]);
    expect(await statuses(admin)).toEqual([200, 201, 200]);
  });

  test('works however the scheme is written, and not at all with anything amiss', async () => {
    const { key } = await create('read');
    const status = async (authorization: string) =>
      (await stage.api.call('GET', '/v1/endpoints', undefined, { authorization })).status;
    for (const good of [`Bearer ${key}`, `bearer ${key}`, `BEARER   ${key}`])
      expect(await status(good), good).toBe(200);
    const other = key.endsWith('a') ? 'b' : 'a';
    const bad = [`Bearer${key}`, `Bearer ${key.slice(0, -1)}`, `Bearer ${key.slice(0, -1)}${other}`, `Bearer ${key} x`];
    const worse = [
      `Bearer ${key.toUpperCase()}`,
      `Bearer ${key.replace('test', 'live')}`,
      'Bearer',
      'Bearer ',
      key,
      '',
    ];
    for (const each of [...bad, ...worse]) expect(await status(each), each).toBe(401);
  });

  test('stops working when it is revoked, at once where it was revoked', async () => {
    const { id, key } = await create('admin');
    expect((await using(key).get('/v1/endpoints')).status).toBe(200);
    const gone = await using(key).delete(`/v1/api-keys/${id}`);
    expect([gone.status, gone.text]).toEqual([204, '']);
    const problem = await refusal(using(key).get('/v1/endpoints'), 'unauthenticated');
    expect(problem.detail).not.toContain(key);
    await refusal(stage.api.delete(`/v1/api-keys/${id}`), 'not_found');
    expect((await all<ApiKey>(stage.api, '/v1/api-keys')).some((each) => each.id === id)).toBe(false);
  });

  test('asks for one when there is none, in the words of HTTP', async () => {
    const response = await fetch(`${stage.postrider.url}/v1/endpoints`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  test('of one environment sees that one only', async () => {
    const liveKey = newKey('live');
    await stage.restartAfter(async (database) => {
      await (await startTestPostrider(database, { env: { POSTRIDER_BOOTSTRAP_API_KEY: liveKey } })).stop();
    });
    const live = using(liveKey);
    const made = await answer<NewApiKey>(live.post('/v1/api-keys', { name: 'live', scope: 'read' }), 201);
    expect(made.key).toMatch(/^pr_live_/);
    expect((await all<ApiKey>(live, '/v1/api-keys')).map(({ name }) => name)).toEqual(['live', 'bootstrap']);
    expect((await all<ApiKey>(stage.api, '/v1/api-keys')).some(({ id }) => id === made.id)).toBe(false);
    await refusal(stage.api.delete(`/v1/api-keys/${made.id}`), 'not_found');
  });
});
