import { expect, test } from 'vitest';
import { apiKeyDigest } from '../../src/crypto/api-key.ts';
import { openDatabase, statement } from '../../src/store/database.ts';
import { type ApiKey, all, answer, type NewApiKey } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('the life of an API key', (kind) => {
  const clock = new TestClock('2026-11-21T09:30:00Z');
  const stage = stageOn(kind, { substitutes: { now: clock.now } });
  const create = (settings: object = {}) =>
    answer<NewApiKey>(stage.api.post('/v1/api-keys', { name: 'backend', scope: 'read', ...settings }), 201);
  const read = (id: string) => answer<ApiKey>(stage.api.get(`/v1/api-keys/${id}`), 200);
  const using = (key: string) => new Api(stage.postrider.url, key);
  const reveal = (id: string) => stage.api.post(`/v1/api-keys/${id}/reveal`);
  const regenerate = (id: string) => answer<NewApiKey>(stage.api.post(`/v1/api-keys/${id}/regenerate`, {}), 200);
  /** What the audit log says of a key, oldest first. */
  const audited = async (id: string): Promise<[string, unknown][]> => {
    const acts: { action: string; details: unknown }[] = [];
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      const text = 'select action, details from audit_entry where subject = $1 order by id';
      acts.push(...(await db.query(statement<{ action: string; details: unknown }>('', text), [id])));
      await db.close();
    });
    return acts.map(({ action, details }) => [action, details]);
  };

  test('begins with what was asked, and can be changed', async () => {
    const { key, ...made } = await create({ expires_at: '2027-01-01T00:00:00+02:00', rate_limit: 30 });
    expect(made).toMatchObject({ expires_at: '2026-12-31T22:00:00.000Z', rate_limit: 30, last_used_at: null });
    expect(await read(made.id)).toEqual(made);
    const patch = async (body: object) => answer<ApiKey>(stage.api.patch(`/v1/api-keys/${made.id}`, body), 200);
    expect(await patch({ name: 'billing' })).toEqual({ ...made, name: 'billing' });
    expect(await patch({ expires_at: null })).toEqual({ ...made, name: 'billing', expires_at: null });
    expect(await patch({ rate_limit: null })).toMatchObject({ name: 'billing', expires_at: null, rate_limit: null });
    expect((await using(key).get('/v1/endpoints')).status).toBe(200);
  });

  test('is refused where it makes no sense', async () => {
    const { id } = await create();
    const bad: object[] = [
      ...[{ expires_at: '2026-11-21T09:30:00Z' }, { expires_at: '2020-01-01T00:00:00Z' }, { expires_at: 'soon' }],
      ...[{ expires_at: '' }, { expires_at: 0 }, { rate_limit: 0 }, { rate_limit: -1 }, { rate_limit: 1.5 }],
      ...[{ rate_limit: '5' }, { name: '' }, { name: null }, { last_used_at: null }],
    ];
    for (const settings of bad) {
      await refusal(stage.api.patch(`/v1/api-keys/${id}`, settings), 'validation_failed');
      await refusal(stage.api.post('/v1/api-keys', { name: 'a', scope: 'read', ...settings }), 'validation_failed');
    }
    await refusal(stage.api.patch(`/v1/api-keys/${id}`, { scope: 'admin' }), 'validation_failed');
  });

  test('ends when it was said, by the clock, and says so', async () => {
    const { id, key } = await create({ expires_at: '2026-11-21T10:00:00Z' });
    clock.set('2026-11-21T09:59:59.999Z');
    expect((await using(key).get('/v1/endpoints')).status).toBe(200);
    // Nothing tells the cache.
    clock.set('2026-11-21T10:00:00Z');
    const problem = await refusal(using(key).get('/v1/endpoints'), 'unauthenticated');
    expect(problem.detail).toBe('this API key expired at 2026-11-21T10:00:00.000Z');
    expect((await stage.api.patch(`/v1/api-keys/${id}`, { expires_at: '2026-11-22T00:00:00Z' })).status).toBe(200);
    expect((await using(key).get('/v1/endpoints')).status).toBe(200);
  });

  test('shows the key again, to whoever may, and says who asked', async () => {
    const { id, key } = await create();
    expect(await answer(reveal(id), 200)).toEqual({ key });
    await refusal(using(key).post(`/v1/api-keys/${id}/reveal`), 'insufficient_scope');
    expect(await audited(id)).toEqual([
      ['api_key.create', { name: 'backend', scope: 'read' }],
      ['api_key.reveal', { name: 'backend' }],
    ]);
  });

  test('cannot show a key of which only the digest is stored, until it is regenerated', async () => {
    const { id } = await create();
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      await db.query(statement('', `update api_key set key = null where last4 is not null and name = 'backend'`), []);
      await db.close();
    });
    const problem = await refusal(reveal(id), 'key_not_revealable');
    expect(problem.detail).toContain('regenerate');
    const { key } = await regenerate(id);
    expect(await answer(reveal(id), 200)).toEqual({ key });
  });

  test('is sealed where it is stored', async () => {
    const { id, key } = await create();
    const rows: { key: Buffer | null; digest: Buffer }[] = [];
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      rows.push(...(await db.query(statement<(typeof rows)[0]>('', 'select key, digest from api_key'), [])));
      await db.close();
    });
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.some(({ digest }) => digest.equals(apiKeyDigest(key)))).toBe(true);
    for (const row of rows) expect(row.key?.includes(key.slice(8))).not.toBe(true);
    expect(await answer(reveal(id), 200)).toEqual({ key });
  });

  test('goes on with another key once that is regenerated, and with that one only', async () => {
    const { key, ...made } = await create({ rate_limit: 50 });
    expect((await using(key).get('/v1/endpoints')).status).toBe(200);
    const { key: next, ...after } = await regenerate(made.id);
    expect(next).toMatch(/^pr_test_[A-Za-z0-9]{38}$/);
    expect(after).toEqual({ ...made, last4: next.slice(-4) });
    await refusal(using(key).get('/v1/endpoints'), 'unauthenticated');
    expect((await using(next).get('/v1/endpoints')).status).toBe(200);
    expect((await audited(made.id)).map(([action]) => action)).toEqual(['api_key.create', 'api_key.regenerate']);
  });

  test('remembers when it was last used', async () => {
    const { id, key } = await create();
    expect((await read(id)).last_used_at).toBeNull();
    clock.set('2026-11-21T11:00:00Z');
    await using(key).get('/v1/endpoints');
    clock.set('2026-11-21T11:00:30Z');
    await using(key).get('/v1/api-keys');
    clock.set('2026-11-21T11:01:00Z');
    // Written once a minute, and at the end.
    await stage.restart();
    expect((await read(id)).last_used_at).toBe('2026-11-21T11:00:30.000Z');
  });

  test('ends with its deletion, but for the last admin key', async () => {
    const keys = await all<ApiKey>(stage.api, '/v1/api-keys');
    // Each start of the stage brought one.
    const admin = await create({ scope: 'admin' });
    for (const { id } of keys) expect((await using(admin.key).delete(`/v1/api-keys/${id}`)).status).toBe(204);
    const [one, two] = [await createBy(admin), await createBy(admin, { expires_at: '2026-11-21T12:00:00Z' })];
    const api = using(one.key);
    expect((await api.delete(`/v1/api-keys/${admin.id}`)).status).toBe(204);
    // The other works until noon, and counts until then.
    clock.set('2026-11-21T12:00:00Z');
    await refusal(api.delete(`/v1/api-keys/${one.id}`), 'last_admin_key');
    await refusal(api.patch(`/v1/api-keys/${one.id}`, { expires_at: '2026-12-01T00:00:00Z' }), 'last_admin_key');
    expect((await api.patch(`/v1/api-keys/${one.id}`, { name: 'the last' })).status).toBe(200);
    expect((await api.delete(`/v1/api-keys/${two.id}`)).status).toBe(204);
    // Of two that are deleted at once, by each other, one stays.
    const other = await createBy(one);
    expect((await using(other.key).get('/v1/endpoints')).status).toBe(200);
    const replies = await Promise.all([
      api.delete(`/v1/api-keys/${other.id}`),
      using(other.key).delete(`/v1/api-keys/${one.id}`),
    ]);
    expect(replies.filter(({ status }) => status === 204)).toHaveLength(1);
    const left = replies[0]?.status === 204 ? one : other;
    expect((await all<ApiKey>(using(left.key), '/v1/api-keys')).map(({ id }) => id)).toEqual([left.id]);
  });

  const createBy = (by: NewApiKey, settings: object = {}) =>
    answer<NewApiKey>(using(by.key).post('/v1/api-keys', { name: 'an admin', scope: 'admin', ...settings }), 201);
});
