import { expect, test } from 'vitest';
import { type Application, all, answer, type EventAnswer, type NewEndpoint, settled } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { leavingNothing, refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const event = { event_type: 'invoice.paid', payload: { n: 1 } };

onBothDatabases('an application', (kind) => {
  const stage = stageOn(kind);
  const create = (body: object) => answer<Application>(stage.api.post('/v1/app', body), 201);
  const read = (name: string) => answer<Application>(stage.api.get(`/v1/app/${name}`), 200);

  test('is what was asked for, and the rest is as promised', async () => {
    const made = await create({ name: 'Acme', uid: 'acme:1', metadata: { plan: 'gold' } });
    expect(made).toEqual({
      id: expect.stringMatching(/^app_[0-9A-HJKMNP-TV-Z]{26}$/),
      uid: 'acme:1',
      name: 'Acme',
      metadata: { plan: 'gold' },
      is_default: false,
      contact_email: null,
      plan: null,
      monthly_event_limit: null,
      subscriptions: 'all',
      created_at: expect.stringMatching(/Z$/),
      updated_at: made.created_at,
    });
    for (const name of [made.id, made.id.toLowerCase(), 'acme:1', 'acme%3A1']) {
      expect(await read(name)).toEqual(made);
    }
    expect(await create({ name: 'No uid' })).toMatchObject({ uid: null, metadata: {} });
  });

  test('answers to its uid everywhere that it does to its id', async () => {
    const { id } = await create({ name: 'Both', uid: 'both' });
    const endpoint = await answer<NewEndpoint>(
      stage.api.post('/v1/app/both/endpoints', { url: `${stage.receiver.url}/ok` }),
      201,
    );
    expect(endpoint.app_id).toBe(id);
    const sent = await answer<EventAnswer>(stage.api.post('/v1/app/both/event', event), 202);
    expect(sent).toEqual({ message_id: expect.stringMatching(/^msg_/), fanout: 1 });
    const [delivery] = await all<{ id: string }>(stage.api, '/v1/app/both/deliveries');
    await settled(stage.api, delivery?.id ?? '');
    const rest = ['', '/endpoints', `/endpoints/${endpoint.id}`, `/endpoints/${endpoint.id}/secret`, '/messages'];
    const more = [
      `/messages/${sent.message_id}`,
      '/deliveries',
      `/deliveries/${delivery?.id}`,
      `/deliveries/${delivery?.id}/attempts`,
    ];
    for (const path of [...rest, ...more]) {
      const [byUid, byId] = [await stage.api.get(`/v1/app/both${path}`), await stage.api.get(`/v1/app/${id}${path}`)];
      expect(byUid.status, path).toBe(200);
      expect(byUid.text, path).toBe(byId.text);
    }
  });

  test('takes a patch: what is left out stays, and the uid can move on', async () => {
    const { id, created_at } = await create({ name: 'Before', uid: 'mover', metadata: { a: 'b' } });
    const patch = (body: object) => answer<Application>(stage.api.patch(`/v1/app/${id}`, body), 200);
    expect(await patch({ name: 'After' })).toMatchObject({
      name: 'After',
      uid: 'mover',
      metadata: { a: 'b' },
      created_at,
    });
    expect(await patch({ metadata: {} })).toMatchObject({ name: 'After', uid: 'mover', metadata: {} });
    expect(await patch({ uid: 'moved' })).toMatchObject({ name: 'After', uid: 'moved' });
    expect((await read('moved')).id).toBe(id);
    await refusal(stage.api.get('/v1/app/mover'), 'not_found');
    await refusal(stage.api.get('/v1/app/mover/messages'), 'not_found');
    const heir = await create({ name: 'Heir', uid: 'mover' });
    expect((await read('mover')).id).toBe(heir.id);
    expect(await patch({ uid: null })).toMatchObject({ uid: null });
    await refusal(stage.api.get('/v1/app/moved'), 'not_found');
    expect((await read(id)).name).toBe('After');
  });

  test('has a uid of its own: another’s is already_exists', async () => {
    await create({ name: 'First', uid: 'unique' });
    const other = await create({ name: 'Other', uid: 'other' });
    await leavingNothing(stage.api, async () => {
      await refusal(stage.api.post('/v1/app', { name: 'Second', uid: 'unique' }), 'already_exists');
      await refusal(stage.api.patch('/v1/app/other', { uid: 'unique', name: 'Changed' }), 'already_exists');
    });
    expect(await read('other')).toEqual(other);
    expect((await stage.api.patch('/v1/app/other', { uid: 'other' })).status).toBe(200);
  });

  test('is made once, of many calls at once with one uid', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => stage.api.post('/v1/app', { name: 'a', uid: 'race' })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    const events = await Promise.all(Array.from({ length: 20 }, () => stage.api.post('/v1/app/race-2/event', event)));
    expect(events.map(({ status }) => status)).toEqual(events.map(() => 202));
    const named = (await all<Application>(stage.api, '/v1/app')).filter(({ uid }) => uid === 'race-2');
    expect(named).toMatchObject([{ name: 'race-2' }]);
  });

  test('is made by the first event for it, and only if the event is taken', async () => {
    const sent = await answer<EventAnswer>(stage.api.post('/v1/app/first-use/event', event), 202);
    expect(sent.fanout).toBe(0);
    const { id } = await read('first-use');
    expect((await stage.api.get(`/v1/messages/${sent.message_id}`)).body).toMatchObject({ app_id: id });
    await leavingNothing(stage.api, async () => {
      const wrong = [{ headers: { host: 'a' } }, { endpoint_ids: ['ep_x'] }, { payload: 5 }, { nobody: 1 }];
      for (const each of wrong) {
        await refusal(stage.api.post('/v1/app/never-used/event', { ...event, ...each }), 'validation_failed');
      }
      await refusal(stage.api.post('/v1/app/never-used/event', event, { 'idempotency-key': 'é' }), 'validation_failed');
      await refusal(stage.api.post('/v1/app/a%20b/event', event), 'validation_failed');
      await refusal(stage.api.post('/v1/app/app_01JX9Z5T4QK8W0V3N7M2B6C1DF/event', event), 'not_found');
    });
  });

  test('called default is the environment’s own: it stays', async () => {
    const standard = await read('default');
    expect(standard).toMatchObject({ is_default: true, uid: null });
    expect((await stage.api.get('/v1/app/default/endpoints')).text).toBe((await stage.api.get('/v1/endpoints')).text);
    await refusal(stage.api.delete('/v1/app/default'), 'default_application');
    await refusal(stage.api.delete(`/v1/app/${standard.id}`), 'default_application');
    expect((await answer<Application>(stage.api.patch('/v1/app/default', { name: 'Ours' }), 200)).is_default).toBe(
      true,
    );
  });

  test('that is deleted takes its endpoints with it and leaves what was sent', async () => {
    await create({ name: 'Leaving', uid: 'leaving' });
    const endpoint = await answer<NewEndpoint>(
      stage.api.post('/v1/app/leaving/endpoints', { url: `${stage.receiver.url}/ok` }),
      201,
    );
    const { message_id } = await answer<EventAnswer>(stage.api.post('/v1/app/leaving/event', event), 202);
    expect((await stage.api.delete('/v1/app/leaving')).status).toBe(204);
    for (const path of ['', '/endpoints', '/messages'])
      await refusal(stage.api.get(`/v1/app/leaving${path}`), 'not_found');
    await refusal(stage.api.get(`/v1/endpoints/${endpoint.id}`), 'not_found');
    expect((await stage.api.get(`/v1/messages/${message_id}`)).status).toBe(200);
    const again = await answer<EventAnswer>(stage.api.post('/v1/app/leaving/event', event), 202);
    expect(again.fanout).toBe(0);
    expect((await read('leaving')).id).not.toBe(endpoint.app_id);
  });
});
