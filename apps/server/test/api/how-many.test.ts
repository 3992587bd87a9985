import { expect, test } from 'vitest';
import { openDatabase, statement } from '../../src/store/database.ts';
import { type Application, answer } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

/** All but one of the endpoints that an application may have: copies of its only one. */
const COPIES = `insert into endpoint
  select (jsonb_populate_record(null::endpoint, to_jsonb(e) || jsonb_build_object('id', gen_random_uuid()))).*
  from endpoint e cross join generate_series(1, 998)`;

// Nobody does the jobs here: they stay open.
onBothDatabases('without maintenance', (kind) => {
  const stage = stageOn(kind, { env: { POSTRIDER_ROLES: 'api,worker' } });
  const url = 'https://example.com/hook';

  test('a customer has no more than 1,000 endpoints, on either surface; the default application has more', async () => {
    for (const name of ['acme', 'other'])
      await answer<Application>(stage.api.post('/v1/app', { uid: name, name }), 201);
    await answer(stage.api.post('/v1/app/acme/endpoints', { url }), 201);
    await stage.restartAfter(async ({ target }) => {
      const db = await openDatabase(target, () => {});
      await db.query(statement('', COPIES), []);
      await db.close();
    });
    const added = await Promise.all([1, 2, 3].map(() => stage.api.post('/v1/app/acme/endpoints', { url })));
    expect(added.map(({ status }) => status).toSorted()).toEqual([201, 422, 422]);
    const refused = await refusal(stage.api.post('/v1/app/acme/endpoints', { url }), 'validation_failed');
    expect(refused.detail).toContain('the application has 1000 endpoints');
    expect((await stage.api.post('/svix/api/v1/app/acme/endpoint', { url })).status).toBe(422);
    for (const path of ['/v1/app/other/endpoints', '/v1/endpoints']) await answer(stage.api.post(path, { url }), 201);
  });

  test('a customer has no more than 10 replays under way, and hinders nobody else', async () => {
    const replay = (app: string) => stage.api.post(`/v1/app/${app}/deliveries/replay`, { filter: {} });
    const begun = await Promise.all(Array.from({ length: 12 }, () => replay('acme')));
    expect(begun.filter(({ status }) => status === 202)).toHaveLength(10);
    expect((await refusal(replay('acme'), 'too_many_jobs')).detail).toBe('10 replays are under way already');
    await answer(replay('other'), 202);
    await answer(stage.api.post('/v1/deliveries/replay', { filter: {} }), 202);
    await answer(stage.api.post('/v1/app/acme/deliveries/replay', { filter: {}, dry_run: true }), 200);
  });
});
