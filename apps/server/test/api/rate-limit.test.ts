import { beforeAll, beforeEach, expect, test } from 'vitest';
import { answer, type NewApiKey } from '../kit/answers.ts';
import { Api, type Reply } from '../kit/api.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { putOnPlan } from '../kit/plan.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const FREE = 100;

onBothDatabases('the rate limit of an API key', (kind) => {
  const clock = new TestClock('2026-11-21T09:30:00Z');
  const stage = stageOn(kind, { substitutes: { now: clock.now } });
  let minute = 0;

  beforeAll(() => stage.restartAfter((database) => putOnPlan(database, 'free')));
  // A minute for each test, from its first second on.
  beforeEach(() => clock.set(new Date(Date.parse('2026-11-21T10:00:00Z') + minute++ * 60_000).toISOString()));

  /** A key of its own: none of its minute is used. */
  const newApi = async (settings: object = {}) => {
    const body = { name: 'limited', scope: 'write', ...settings };
    return new Api(stage.postrider.url, (await answer<NewApiKey>(stage.api.post('/v1/api-keys', body), 201)).key);
  };
  const shown = ({ headers }: Reply) =>
    ['limit', 'remaining', 'reset'].map((name) => Number(headers.get(`ratelimit-${name}`)));
  const useUp = (api: Api, calls: number) => Promise.all(Array.from({ length: calls }, () => api.get('/v1/endpoints')));

  test('is said on every answer, also where the call fails', async () => {
    const api = await newApi();
    const calls: [number, () => Promise<Reply>][] = [
      [200, () => api.get('/v1/endpoints')],
      [403, () => api.get('/v1/api-keys')],
      [404, () => api.get('/v1/endpoints/ep_01JX9Z5T4QK8W0V3N7M2B6C1DF')],
      [400, () => api.post('/v1/messages', '{')],
      [422, () => api.post('/v1/messages', {})],
      [415, () => api.call('POST', '/v1/messages', 'a', { 'content-type': 'text/plain' })],
      [202, () => api.post('/v1/messages', { event_type: 'a', payload: {} })],
      [200, () => api.get('/api/v1/endpoints')],
      [200, () => api.get('/svix/api/v1/app')],
      [404, () => api.get('/svix/api/v1/app/nobody')],
    ];
    let left = FREE;
    for (const [status, call] of calls) {
      const reply = await call();
      left--;
      expect([reply.status, ...shown(reply)], reply.text).toEqual([status, FREE, left, 60]);
    }
  });

  test('refuses what is over it until the minute is over, and says when that is', async () => {
    const api = await newApi();
    const replies = await useUp(api, FREE + 5);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(FREE);
    clock.set(`${new Date(clock.now()).toISOString().slice(0, 16)}:47.200Z`);
    const refused = await api.post('/v1/messages', { event_type: 'a', payload: {} });
    const problem = await refusal(refused, 'rate_limited');
    expect(shown(refused)).toEqual([FREE, 0, 13]);
    expect(refused.headers.get('retry-after')).toBe('13');
    expect(problem.reset_at).toBe(new Date(Math.ceil(clock.now() / 60_000) * 60_000).toISOString());
    clock.set(problem.reset_at ?? '');
    expect(shown(await api.get('/v1/endpoints'))).toEqual([FREE, FREE - 1, 60]);
  });

  test('is counted before the body is read', async () => {
    const api = await newApi({ rate_limit: 1 });
    await useUp(api, 1);
    const big = await api.post('/v1/messages', `"${'x'.repeat(3 * 1024 * 1024)}"`);
    expect(big.body.code).toBe('rate_limited');
  });

  test('may be lower for one key, and no higher than the plan', async () => {
    const api = await newApi({ rate_limit: 3 });
    expect((await useUp(api, 5)).map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 429, 429]);
    const body = { name: 'more', scope: 'read', rate_limit: FREE + 1 };
    expect((await refusal(stage.api.post('/v1/api-keys', body), 'validation_failed')).errors).toEqual([
      { path: '/rate_limit', message: 'must be at most 100, as the plan allows' },
    ]);
    const { id } = await answer<NewApiKey>(stage.api.post('/v1/api-keys', { ...body, rate_limit: FREE }), 201);
    await refusal(stage.api.patch(`/v1/api-keys/${id}`, { rate_limit: FREE + 1 }), 'validation_failed');
  });

  test('changes with its key at once', async () => {
    const body = { name: 'more', scope: 'read', rate_limit: 1 };
    const { id, key } = await answer<NewApiKey>(stage.api.post('/v1/api-keys', body), 201);
    const api = new Api(stage.postrider.url, key);
    expect((await useUp(api, 2)).map(({ status }) => status).toSorted()).toEqual([200, 429]);
    expect((await stage.api.patch(`/v1/api-keys/${id}`, { rate_limit: 5 })).status).toBe(200);
    expect(shown(await api.get('/v1/endpoints'))).toEqual([5, 2, 60]);
  });

  test('does not concern what anybody may ask', async () => {
    const api = await newApi({ rate_limit: 1 });
    await useUp(api, 2);
    for (const path of ['/health', '/ready', '/openapi.json']) {
      const reply = await api.get(path);
      expect([reply.status, reply.headers.has('ratelimit-limit')]).toEqual([200, false]);
    }
  });

  test('is not there on the plan unlimited, unless the key has one', async () => {
    const key = stage.postrider.key;
    await stage.restartAfter((database) => putOnPlan(database, 'unlimited'));
    const api = new Api(stage.postrider.url, key);
    const replies = await useUp(api, FREE + 10);
    expect(replies.every(({ status, headers }) => status === 200 && !headers.has('ratelimit-limit'))).toBe(true);
    expect((await useUp(await newApi({ rate_limit: 2 }), 3)).map(({ status }) => status).toSorted()).toEqual([
      200, 200, 429,
    ]);
  });
});
