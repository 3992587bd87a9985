import { expect, test } from 'vitest';
import {
  answer,
  attemptsOf,
  createEndpoint,
  type Delivery,
  type Endpoint,
  sendTo,
  settled,
  tried,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

onBothDatabases('a retry by hand', (kind) => {
  const stage = stageOn(kind);
  const retry = (id: string) => stage.api.post(`/v1/deliveries/${id}/retry`);
  const failing = async (path: string, settings: object = {}) => {
    const { id } = await createEndpoint(stage.api, { url: stage.receiver.url + path, retry_policy: [], ...settings });
    return sendTo(stage.api, id);
  };

  test('sends a FAILED delivery again, at once, and says by whom it was tried', async () => {
    const id = await failing('/fail-times/2');
    for (const [attempt_count, status] of [
      [2, 'FAILED'],
      [3, 'SENT'],
    ] as const) {
      await settled(stage.api, id);
      const queued = await answer<Delivery>(retry(id), 202);
      expect(queued).toMatchObject({ id, status: 'PENDING', completed_at: null, next_attempt_at: expect.any(String) });
      expect(await settled(stage.api, id)).toMatchObject({ status, attempt_count });
    }
    const attempts = await attemptsOf(stage.api, id);
    expect(attempts.map(({ trigger, status }) => `${trigger} ${status}`)).toEqual([
      'scheduled failure',
      'manual failure',
      'manual success',
    ]);
    const requests = await stage.receiver.waitFor({ count: 3, match: ({ path }) => path === '/fail-times/2' });
    expect(new Set(requests.map(({ webhookId }) => webhookId)).size).toBe(1);
  });

  // Found: one bad dead letter, retried, switched off an endpoint that was well, and ended all that it was waiting for.
  test('that fails does not switch off its endpoint, whatever the policy says: a schedule that is through does', async () => {
    const id = await failing('/status/400');
    const { endpoint_id } = await settled(stage.api, id);
    const retry_policy = { delays: [], on_exhausted: 'disable_endpoint' };
    const path = `/v1/endpoints/${endpoint_id}`;
    await answer(stage.api.patch(path, { retry_policy }), 200);
    await answer<Delivery>(retry(id), 202);
    expect(await settled(stage.api, id)).toMatchObject({ status: 'FAILED', attempt_count: 2 });
    await answer(stage.api.post(`${path}/replay`, { since: new Date(0).toISOString() }), 202);
    await until(
      () => answer<Delivery>(stage.api.get(`/v1/deliveries/${id}`), 200),
      ({ status, attempt_count }) => status === 'FAILED' && attempt_count === 3,
    );
    expect(await answer<object>(stage.api.get(path), 200)).toMatchObject({ status: 'active' });
    await settled(stage.api, await sendTo(stage.api, endpoint_id));
    const off = await until(
      () => answer<Endpoint>(stage.api.get(path), 200),
      ({ status }) => status === 'disabled',
    );
    expect(off.disabled_reason).toBe('retries_exhausted');
  });

  test('is refused for what is SENT', async () => {
    const id = await failing('/ok');
    const sent = await settled(stage.api, id);
    const problem = await refusal(retry(id), 'delivery_not_failed');
    expect(problem.detail).toContain('SENT');
    expect(await settled(stage.api, id)).toEqual(sent);
  });

  test('is refused for what will be tried anyway', async () => {
    const id = await failing('/status/500', { retry_policy: [3600] });
    const pending = await tried(stage.api, id, 1);
    await refusal(retry(id), 'delivery_not_failed');
    expect((await stage.api.get(`/v1/deliveries/${id}`)).body).toEqual(pending);
  });

  test('is refused for what is being tried, and of many at once one is taken', async () => {
    const id = await failing('/hang', { timeout_seconds: 1 });
    const problem = await refusal(retry(id), 'delivery_not_failed');
    expect(problem.detail).toContain('SENDING');
    await settled(stage.api, id);
    const replies = await Promise.all(Array.from({ length: 10 }, () => retry(id)));
    expect(replies.map(({ status }) => status).sort()).toEqual([202, ...Array.from({ length: 9 }, () => 409)]);
    expect(await settled(stage.api, id)).toMatchObject({ status: 'FAILED', attempt_count: 2, last_error: 'timeout' });
  });
});
