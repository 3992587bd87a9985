import { expect, test } from 'vitest';
import { answer, createEndpoint, type Endpoint } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('an endpoint with an id of its owner’s own', (kind) => {
  const stage = stageOn(kind);
  const url = () => `${stage.receiver.url}/ok`;
  const make = (app: string, uid: string) => stage.api.post(`/v1/app/${app}/endpoints`, { url: url(), uid });

  test('goes by it in every path that an ep_ id goes in', async () => {
    const { id } = await createEndpoint(stage.api, { url: url(), uid: 'crm' });
    for (const path of ['/v1/endpoints/crm', '/v1/app/default/endpoints/crm']) {
      expect((await answer<Endpoint>(stage.api.get(path), 200)).id).toBe(id);
      await answer(stage.api.get(`${path}/secret`), 200);
      await answer(stage.api.get(`${path}/stats`), 200);
      await answer(stage.api.patch(path, { description: 'ours' }), 200);
      for (const word of ['pause', 'resume', 'enable']) await answer(stage.api.post(`${path}/${word}`), 200);
      await answer(stage.api.post(`${path}/test`), 202);
      const replay = { since: '2026-01-01T00:00:00Z', dry_run: true };
      await answer(stage.api.post(`${path}/replay`, replay), 200);
    }
    expect((await stage.api.delete('/v1/endpoints/crm')).status).toBe(204);
    await refusal(stage.api.get('/v1/endpoints/crm'), 'not_found');
  });

  test('shares it with no other of its application, but with those of others', async () => {
    await stage.api.post('/v1/app', { uid: 'one', name: 'One' });
    await stage.api.post('/v1/app', { uid: 'two', name: 'Two' });
    const one = await answer<Endpoint>(make('one', 'shop'), 201);
    const two = await answer<Endpoint>(make('two', 'shop'), 201);
    await refusal(make('one', 'shop'), 'already_exists');
    const other = await answer<Endpoint>(make('one', 'other'), 201);
    await refusal(stage.api.patch(`/v1/app/one/endpoints/${other.id}`, { uid: 'shop' }), 'already_exists');
    for (const [app, { id }] of Object.entries({ one, two })) {
      expect((await answer<Endpoint>(stage.api.get(`/v1/app/${app}/endpoints/shop`), 200)).id).toBe(id);
    }
    // Without an application in the path, it is one of the default application.
    await refusal(stage.api.get('/v1/endpoints/shop'), 'not_found');
  });

  test('cannot take one that looks like an id, or that no path can hold', async () => {
    for (const uid of ['ep_1', '', 'a b', 'ä', 'a/b', 'x'.repeat(129)]) {
      await refusal(make('default', uid), 'validation_failed');
    }
  });
});
