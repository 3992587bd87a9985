import { beforeEach, expect, test } from 'vitest';
import { type Application, all, answer, type MessageRow, type NewApiKey, type UsageAnswer } from '../kit/answers.ts';
import { Api } from '../kit/api.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { putOnPlan } from '../kit/plan.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';

const event = { event_type: 'invoice.paid', payload: { amount: 1 } };

onBothDatabases('the quota of an application', (kind) => {
  const clock = new TestClock('2026-11-21T00:00:00Z');
  const stage = stageOn(kind, { substitutes: { now: clock.now } });
  let app: Application;

  beforeEach(async () => {
    clock.set('2026-11-21T00:00:00Z');
    app = await limitedTo(2);
  });

  const limitedTo = (monthly_event_limit: number, settings: object = {}) =>
    answer<Application>(stage.api.post('/v1/app', { name: 'Acme', monthly_event_limit, ...settings }), 201);
  const publish = (body: object = event, headers = {}) => stage.api.post(`/v1/app/${app.id}/messages`, body, headers);
  const statistics = (query = '') => answer<UsageAnswer>(stage.api.get(`/v1/app/${app.id}/statistics${query}`), 200);
  const messages = async () => (await all<MessageRow>(stage.api, `/v1/app/${app.id}/messages`)).length;

  test('is the same whatever way a message takes', async () => {
    const { id: endpoint } = await answer<{ id: string }>(
      stage.api.post(`/v1/app/${app.id}/endpoints`, { url: `${stage.receiver.url}/ok` }),
      201,
    );
    const ways = [
      () => publish(),
      () => stage.api.post(`/v1/app/${app.id}/event`, event),
      () => stage.api.post('/v1/send', { ...event, destination: endpoint }),
      () => stage.api.post('/v1/webhooks/send', { payload: {}, endpoint_id: endpoint }),
      () => stage.api.post(`/v1/app/${app.id}/messages/batch`, { messages: [event] }),
      () => stage.api.post(`/svix/api/v1/app/${app.id}/msg`, { eventType: 'invoice.paid', payload: {} }),
    ];
    for (const [n, way] of ways.entries()) {
      expect((await stage.api.patch(`/v1/app/${app.id}`, { monthly_event_limit: n + 1 })).status).toBe(200);
      expect((await way()).status, `way ${n}`).toBe(202);
      for (const other of ways) expect((await other()).status, `way ${n}`).toBe(429);
    }
    expect([await messages(), (await statistics()).used]).toEqual([ways.length, ways.length]);
    // An event to try an endpoint out is not one of the application's.
    expect((await stage.api.post(`/v1/endpoints/${endpoint}/test`)).status).toBe(202);
    expect((await statistics()).used).toBe(ways.length);
  });

  test('of the default application covers what is sent to a URL', async () => {
    const limit = (monthly_event_limit: number | null) =>
      answer(stage.api.patch('/v1/app/default', { monthly_event_limit }), 200);
    await limit(0);
    const body = { ...event, destination: `${stage.receiver.url}/ok/direct` };
    await refusal(stage.api.post('/v1/send', body), 'quota_exceeded');
    await limit(null);
    expect((await stage.api.post('/v1/send', body)).status).toBe(202);
  });

  test('says when it begins anew, in the problem and as retry-after', async () => {
    clock.set('2026-11-30T23:00:00Z');
    for (let n = 0; n < 2; n++) expect((await publish()).status).toBe(202);
    const reply = await publish();
    const problem = await refusal(reply, 'quota_exceeded');
    expect(problem).toMatchObject({ status: 429, reset_at: '2026-12-01T00:00:00.000Z' });
    expect(reply.headers.get('retry-after')).toBe('3600');
    clock.set('2026-12-01T00:00:00Z');
    expect((await publish()).status).toBe(202);
    expect(await statistics('?from=2026-11')).toEqual({
      months: [
        { month: '2026-11', messages: 2, deliveries_sent: 0, deliveries_failed: 0 },
        { month: '2026-12', messages: 1, deliveries_sent: 0, deliveries_failed: 0 },
      ],
      limit: 2,
      used: 1,
      reset_at: '2027-01-01T00:00:00.000Z',
    });
  });

  test('costs nothing for a call that is repeated, and refuses a new one each time', async () => {
    const first = await publish(event, { 'idempotency-key': 'k1' });
    await publish();
    const again = await publish(event, { 'idempotency-key': 'k1' });
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([202, first.text, 'true']);
    await refusal(publish(event, { 'idempotency-key': 'k2' }), 'quota_exceeded');
    clock.set('2026-12-01T00:00:00Z');
    // The refusal was not kept: the same call may come again.
    expect((await publish(event, { 'idempotency-key': 'k2' })).status).toBe(202);
    expect(await messages()).toBe(3);
  });

  test('takes of a batch what it has room for, and of one with a key all or nothing', async () => {
    const batch = (count: number, headers = {}) =>
      stage.api.post(
        `/v1/app/${app.id}/messages/batch`,
        { messages: Array.from({ length: count }, () => event) },
        headers,
      );
    const problem = await refusal(batch(3, { 'idempotency-key': 'b' }), 'quota_exceeded');
    expect(problem).toMatchObject({
      reset_at: '2026-12-01T00:00:00.000Z',
      detail: expect.stringContaining('3 messages'),
    });
    expect(await messages()).toBe(0);
    const { results } = await answer<{ results: object[] }>(batch(3), 202);
    expect(results.slice(0, 2)).toEqual(Array.from({ length: 2 }, () => expect.objectContaining({ fanout: 0 })));
    expect(results[2]).toEqual({
      error: {
        code: 'quota_exceeded',
        detail: 'this application may have 2 messages in a month, and has had them',
        reset_at: '2026-12-01T00:00:00.000Z',
      },
    });
    // Nothing of it would go: it may be sent again as it is.
    await refusal(batch(2), 'quota_exceeded');
    expect(await messages()).toBe(2);
  });

  test('may be nothing at all, and holds on a plan without limits', async () => {
    app = await limitedTo(0, { plan: 'unlimited' });
    await refusal(publish(), 'quota_exceeded');
    expect((await stage.api.patch(`/v1/app/${app.id}`, { monthly_event_limit: null })).status).toBe(200);
    expect((await publish()).status).toBe(202);
    expect(await statistics()).toMatchObject({ limit: null });
  });

  test('is its plan’s, or its environment’s plan’s', async () => {
    const limits = async () => {
      const settings = [{ plan: 'free' }, {}, { plan: 'unlimited' }, { plan: 'free', monthly_event_limit: 50_000 }];
      const made = settings.map((each) => stage.api.post('/v1/app', { name: 'A', ...each }));
      const apps = await Promise.all(made.map((each) => answer<Application>(each, 201)));
      const paths = apps.map(({ id }) => `/v1/app/${id}/statistics`);
      return Promise.all(paths.map(async (path) => (await answer<UsageAnswer>(stage.api.get(path), 200)).limit));
    };
    expect(await limits()).toEqual([10_000, null, null, 50_000]);
    await stage.restartAfter((database) => putOnPlan(database, 'free'));
    expect(await limits()).toEqual([10_000, 10_000, null, 50_000]);
    await stage.restartAfter((database) => putOnPlan(database, 'unlimited'));
  });

  test('is changed with an admin key only', async () => {
    const { key } = await answer<NewApiKey>(stage.api.post('/v1/api-keys', { name: 'w', scope: 'write' }), 201);
    const writer = new Api(stage.postrider.url, key);
    for (const change of [{ plan: 'unlimited' }, { monthly_event_limit: 3 }, { monthly_event_limit: null }]) {
      await refusal(writer.patch(`/v1/app/${app.id}`, change), 'insufficient_scope');
    }
    await refusal(writer.post('/v1/app', { name: 'B', plan: 'unlimited' }), 'insufficient_scope');
    await refusal(writer.post('/v1/app', { name: 'B', monthly_event_limit: 1 }), 'insufficient_scope');
    // What stays as it is may be said again.
    const same = { plan: null, monthly_event_limit: 2, name: 'Acme & Sons' };
    expect(await answer(writer.patch(`/v1/app/${app.id}`, same), 200)).toMatchObject(same);
    expect((await writer.post('/v1/app', { name: 'B', plan: null })).status).toBe(201);
  });
});
