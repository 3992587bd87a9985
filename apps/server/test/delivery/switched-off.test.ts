import { expect, test } from 'vitest';
import {
  answer,
  attemptsOf,
  createEndpoint,
  type Endpoint,
  type NewEndpoint,
  sendTo,
  settled,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

onBothDatabases('an endpoint', (kind) => {
  const stage = stageOn(kind);
  const read = (id: string) => answer<Endpoint>(stage.api.get(`/v1/endpoints/${id}`), 200);
  const requestsTo = (path: string) => stage.receiver.received.filter((each) => each.path === path).length;

  test('that answers 410 is disabled at once, with the reason, and lives on once enabled', async () => {
    const { id } = await createEndpoint(stage.api, { url: `${stage.receiver.url}/status/410`, events: ['gone'] });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    expect(delivery).toMatchObject({
      status: 'FAILED',
      attempt_count: 1,
      last_status_code: 410,
      last_error: 'http_410',
    });
    expect(await read(id)).toMatchObject({ status: 'disabled', disabled_reason: 'gone' });
    const publish = () =>
      answer<{ fanout: number }>(stage.api.post('/v1/messages', { event_type: 'gone', payload: {} }), 202);
    expect((await publish()).fanout).toBe(0);

    const url = `${stage.receiver.url}/ok/back`;
    expect(await answer<Endpoint>(stage.api.patch(`/v1/endpoints/${id}`, { url }), 200)).toMatchObject({
      status: 'disabled',
    });
    const enabled = await answer<Endpoint>(stage.api.post(`/v1/endpoints/${id}/enable`), 200);
    expect(enabled).toMatchObject({ status: 'active', disabled_reason: null });
    expect((await publish()).fanout).toBe(1);
    await stage.receiver.waitFor(({ path }) => path === '/ok/back');
    // What failed can be tried again there.
    await answer(stage.api.post(`/v1/deliveries/${delivery.id}/retry`), 202);
    expect(await settled(stage.api, delivery.id)).toMatchObject({ status: 'SENT', attempt_count: 2 });
  });

  test('is disabled with the last retry of a delivery where its policy says so', async () => {
    const url = `${stage.receiver.url}/status/500/last`;
    const delays = [0];
    const mild = await createEndpoint(stage.api, { url, retry_policy: delays });
    const strict = await createEndpoint(stage.api, {
      url,
      retry_policy: { delays, on_exhausted: 'disable_endpoint' },
    });
    for (const { id } of [mild, strict]) {
      expect(await settled(stage.api, await sendTo(stage.api, id))).toMatchObject({
        status: 'FAILED',
        attempt_count: 2,
      });
    }
    expect(await read(mild.id)).toMatchObject({ status: 'active', disabled_reason: null });
    const off = await until(
      () => read(strict.id),
      ({ status }) => status === 'disabled',
    );
    expect(off.disabled_reason).toBe('retries_exhausted');
  });

  // Without a worker nothing is sent: what is switched off meanwhile is so before the first try.
  async function deliveriesWhile(change: (endpoints: Record<string, NewEndpoint>) => Promise<void>) {
    await stage.restart({ POSTRIDER_ROLES: 'api' });
    await stage.api.post('/v1/app', { uid: 'leaving', name: 'a' });
    const url = `${stage.receiver.url}/ok/never`;
    const endpoints = {
      disabled: await createEndpoint(stage.api, { url }),
      deleted: await createEndpoint(stage.api, { url }),
      ofDeletedApplication: await answer<NewEndpoint>(stage.api.post('/v1/app/leaving/endpoints', { url }), 201),
      pausedOfDeletedApplication: await answer<NewEndpoint>(stage.api.post('/v1/app/leaving/endpoints', { url }), 201),
    };
    const ids: Record<string, string> = {};
    for (const [name, { id }] of Object.entries(endpoints)) ids[name] = await sendTo(stage.api, id);
    expect(await answer<object>(stage.api.get(`/v1/deliveries/${ids.disabled}`), 200)).toMatchObject({
      status: 'PENDING',
    });
    await change(endpoints);
    await stage.restart();
    return ids;
  }

  test('that is disabled or deleted gets nothing more: what was due to it ends FAILED and says so', async () => {
    const ids = await deliveriesWhile(async ({ disabled, deleted, pausedOfDeletedApplication: paused }) => {
      await answer(stage.api.patch(`/v1/endpoints/${disabled?.id}`, { active: false }), 200);
      await answer(stage.api.delete(`/v1/endpoints/${deleted?.id}`), 204);
      // Found: nobody let its lane go, and what waited in it stayed PENDING for ever.
      await answer(stage.api.post(`/v1/app/leaving/endpoints/${paused?.id}/pause`), 200);
      await answer(stage.api.delete('/v1/app/leaving'), 204);
    });
    const ends = {
      disabled: 'endpoint_disabled',
      deleted: 'endpoint_deleted',
      ofDeletedApplication: 'endpoint_deleted',
      pausedOfDeletedApplication: 'endpoint_deleted',
    };
    for (const [name, last_error] of Object.entries(ends)) {
      const delivery = await settled(stage.api, ids[name] ?? '');
      const untried = { status: 'FAILED', attempt_count: 0, last_status_code: null, next_attempt_at: null };
      expect(delivery, name).toMatchObject({ ...untried, last_error, completed_at: expect.any(String) });
      expect(await attemptsOf(stage.api, delivery.id)).toEqual([]);
    }
    expect(requestsTo('/ok/never')).toBe(0);
  });

  test('that is enabled again in time gets what was due to it', async () => {
    const ids = await deliveriesWhile(async ({ disabled }) => {
      await answer(stage.api.patch(`/v1/endpoints/${disabled?.id}`, { active: false }), 200);
      await answer(stage.api.post(`/v1/endpoints/${disabled?.id}/enable`), 200);
    });
    expect(await settled(stage.api, ids.disabled ?? '')).toMatchObject({ status: 'SENT', attempt_count: 1 });
  });

  test('that was disabled and is enabled takes a retry by hand', async () => {
    const { id } = await createEndpoint(stage.api, {
      url: `${stage.receiver.url}/fail-times/1/hand`,
      retry_policy: [],
    });
    const delivery = await settled(stage.api, await sendTo(stage.api, id));
    await answer(stage.api.patch(`/v1/endpoints/${id}`, { active: false }), 200);
    await answer(stage.api.post(`/v1/deliveries/${delivery.id}/retry`), 202);
    const refused = { status: 'FAILED', attempt_count: 1, last_error: 'endpoint_disabled' };
    expect(await settled(stage.api, delivery.id)).toMatchObject(refused);
    await answer(stage.api.post(`/v1/endpoints/${id}/enable`), 200);
    await answer(stage.api.post(`/v1/deliveries/${delivery.id}/retry`), 202);
    expect(await settled(stage.api, delivery.id)).toMatchObject({ status: 'SENT', attempt_count: 2 });
  });
});
