import { expect, test } from 'vitest';
import { MASK } from '../../src/core/mask.ts';
import { openDatabase, statement } from '../../src/store/database.ts';
import { all, answer, type List } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { PASSWORD, quietRedisOn } from '../kit/quiet-redis.ts';
import { stageOn } from '../kit/stage.ts';
import { createSource, type Rejection, type RejectionDetail, type Source, sourceOnce } from '../sources/answers.ts';

onBothDatabases('a source', (kind) => {
  const stage = stageOn(kind);
  const redis = quietRedisOn('orders');
  const { config } = redis;
  const create = (more: object = {}) =>
    createSource(stage.api, { type: 'redis', name: 'Orders', config: config(), ...more });
  const patch = (id: string, body: object) => stage.api.patch(`/v1/sources/${id}`, body);

  test('is described by the fields of its type', async () => {
    const { data } = await answer<List<{ type: string; fields: { name: string }[] }>>(
      stage.api.get('/v1/source-types'),
      200,
    );
    const fields = (type: string) => data.find((each) => each.type === type)?.fields.map(({ name }) => name);
    expect(fields('redis')).toEqual(['url', 'stream', 'username', 'password', 'ca', 'group']);
    expect(fields('pubsub')).toEqual(['project', 'credentials', 'endpoint', 'ca', 'subscription']);
  });

  test('shows where it leads and none of its secrets, wherever it is shown', async () => {
    const source = await create();
    expect(source).toMatchObject({ url: `${redis.url}/orders`, paused_reason: null, last_received_at: null });
    expect(source.config).toEqual(config({ password: MASK }));
    const shown = await Promise.all([
      stage.api.get(`/v1/sources/${source.id}`),
      stage.api.get('/v1/sources'),
      patch(source.id, { name: 'Renamed' }),
      stage.api.post(`/v1/sources/${source.id}/pause`),
      stage.api.get('/v1/audit-log'),
    ]);
    for (const { text, status } of shown) {
      expect(status).toBe(200);
      expect(text).not.toContain(PASSWORD);
    }
  });

  test('is given its secrets anew by whoever sends them elsewhere', async () => {
    const { id } = await create();
    const elsewhere = await patch(id, { config: { url: 'redis://elsewhere.example.com:6379' } });
    expect(elsewhere.status).toBe(422);
    expect(elsewhere.body.detail).toMatch(/^\/config\/password: is to be given anew/);
    await answer(patch(id, { config: { password: MASK, group: 'ours' } }), 200);
    const { config: changed } = await answer<Source>(patch(id, { config: { group: null } }), 200);
    expect(changed).toEqual(config({ password: MASK }));
  });

  test.each([
    [
      'a field that only publishing has',
      { type: 'nats', config: { url: 'nats://n.example.com', stream: 's', subject: 's' } },
      '/config/subject',
    ],
    ['credentials in the URL', { config: { url: 'redis://me:secret@r.example.com', stream: 's' } }, '/config/url'],
    ['two rules for its event type', { event_type: { header: 'a', field: 'b' } }, '/event_type'],
    ['an event type that is none', { event_type: { value: 'a b' } }, '/event_type'],
    ['no application of its own', { app_id: 'app_00000000000000000000000000' }, null],
  ])('is refused with %s', async (_, more, path) => {
    const body = { type: 'redis', name: 'Orders', event_type: { value: 'a' }, config: config(), ...more };
    const reply = await stage.api.post('/v1/sources', body);
    expect(reply.status).toBe(path === null ? 404 : 422);
    if (path !== null) expect(String(reply.body.detail)).toContain(path);
  });

  test('is of an application, and goes with it', async () => {
    await answer(stage.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    const { id } = await create({ app_id: 'acme' });
    const { data } = await answer<List<Source>>(stage.api.get('/v1/sources?application=acme'), 200);
    expect(data.map((each) => each.id)).toEqual([id]);
    await answer(stage.api.delete('/v1/app/acme'), 204);
    await answer(stage.api.get(`/v1/sources/${id}`), 404);
  });

  test('is received from while it is active, and not when it is paused or deleted', async () => {
    const { id } = await create();
    await sourceOnce(stage.api, id, ({ receiving }) => receiving);
    await answer(stage.api.post(`/v1/sources/${id}/pause`), 200);
    await sourceOnce(stage.api, id, ({ receiving }) => !receiving);
    await answer(stage.api.post(`/v1/sources/${id}/resume`), 200);
    await sourceOnce(stage.api, id, ({ receiving }) => receiving);
    await answer(stage.api.delete(`/v1/sources/${id}`), 204);
  });

  test('shows what it refused, and forgets it when it is told to', async () => {
    const { id } = await create({ config: config({ stream: 'bad' }) });
    await sourceOnce(stage.api, id, ({ rejected }) => rejected === 1);
    const [rejection] = await all<Rejection>(stage.api, `/v1/sources/${id}/rejections`);
    expect(rejection).toMatchObject({ source_id: id, reason: 'payload_not_json', message_id: '1-1', body_bytes: 8 });
    const path = `/v1/sources/${id}/rejections/${rejection?.id}`;
    const detail = await answer<RejectionDetail>(stage.api.get(path), 200);
    expect(Buffer.from(detail.body, 'base64').toString()).toBe('no event');
    expect(await answer(stage.api.delete(`/v1/sources/${id}/rejections`), 200)).toEqual({ deleted: 1 });
    await answer(stage.api.get(path), 404);
    expect((await answer<Source>(stage.api.get(`/v1/sources/${id}`), 200)).rejected).toBe(1);
  });

  test('pauses itself with 10,000 messages refused, loses none, and goes on once they are gone', async () => {
    const { id } = await create();
    await answer(stage.api.post(`/v1/sources/${id}/pause`), 200);
    await sourceOnce(stage.api, id, ({ receiving }) => !receiving);
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      await db.query(fill, ['Orders']);
      await db.close();
    });
    await answer(patch(id, { config: { stream: 'bad' } }), 200);
    await answer(stage.api.post(`/v1/sources/${id}/resume`), 200);
    const full = await sourceOnce(stage.api, id, ({ paused_reason }) => paused_reason !== null);
    expect(full).toMatchObject({ status: 'paused', paused_reason: 'too_many_rejections', rejected: 0 });
    const { last_error } = await sourceOnce(stage.api, id, ({ receiving }) => !receiving);
    expect(last_error).toMatch(/^too_many_rejections: /);
    const audit = await answer<List<{ action: string; actor: { kind: string } }>>(
      stage.api.get('/v1/audit-log?action=source.pause&limit=1'),
      200,
    );
    expect(audit.data[0]?.actor.kind).toBe('system');
    expect(await answer(stage.api.delete(`/v1/sources/${id}/rejections`), 200)).toEqual({ deleted: 10_000 });
  });
});

/** To the newest source of that name. */
const fill = statement(
  '',
  `insert into source_rejection (id, environment_id, source_id, digest, message_id, reason, detail, headers, body, body_bytes)
   select (left(id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, environment_id, id, sha256(n::text::bytea), n::text, 'payload_not_json', '', '{}', '', 0
   from (select * from source where name = $1 order by id desc limit 1) as s, generate_series(1, 10000) as n`,
);
