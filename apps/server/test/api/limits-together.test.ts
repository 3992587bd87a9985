import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Application, all, answer, type MessageRow, type NewApiKey, type UsageAnswer } from '../kit/answers.ts';
import { Api, type Reply } from '../kit/api.ts';
import { TestClock } from '../kit/clock.ts';
import { createTestDatabase, type TestDatabase } from '../kit/database.ts';
import { putOnPlan } from '../kit/plan.ts';
import { startTestPostrider, type TestPostrider } from '../kit/postrider.ts';
import { until } from '../kit/until.ts';

const event = { event_type: 'invoice.paid', payload: { amount: 1 } };
const LIMIT = 100;
const CALLS = 300;

// Of the embedded database nobody can have two.
describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('two Postriders on one PostgreSQL', () => {
  const clock = new TestClock('2026-11-30T23:58:00Z');
  let database: TestDatabase;
  let postriders: [TestPostrider, TestPostrider];

  beforeAll(async () => {
    database = await createTestDatabase('postgresql');
    const start = () => startTestPostrider(database, { substitutes: { now: clock.now } });
    postriders = [await start(), await start()];
  });
  afterAll(async () => {
    for (const each of postriders) await each.stop();
    await database.drop();
  });

  const api = () => postriders[0].api;
  /** Makes calls at the same time, half of them here and half there. */
  const spread = (count: number, call: (api: Api, n: number) => Promise<Reply>, key?: string) => {
    const apis = postriders.map((each) => new Api(each.url, key ?? each.key));
    return Promise.all(Array.from({ length: count }, (_, n) => call(apis[n % 2] ?? api(), n)));
  };
  const tally = (replies: readonly Reply[]) => {
    const counts: Record<string, number> = {};
    for (const { status, body } of replies) {
      const outcome = String(body.code ?? status);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  };

  test('together let through exactly as many requests of a key as it may make, minute by minute', async () => {
    const { key } = await answer<NewApiKey>(api().post('/v1/api-keys', { name: 'k', scope: 'read' }), 201);
    expect(tally(await spread(CALLS, (each) => each.get('/v1/endpoints'), key))).toEqual({ 200: CALLS });
    await putOnPlan(database, 'free');
    // Within 2 s the plan is known everywhere.
    for (const { url } of postriders) {
      await until(
        () => new Api(url, key).get('/v1/endpoints'),
        ({ headers }) => headers.has('ratelimit-limit'),
      );
    }
    for (const minute of ['2026-11-30T23:59:00Z', '2026-12-01T00:00:00Z', '2026-12-01T00:01:00Z']) {
      clock.set(minute);
      const replies = await spread(CALLS, (each) => each.get('/v1/endpoints'), key);
      expect(tally(replies), minute).toEqual({ 200: LIMIT, rate_limited: CALLS - LIMIT });
      const remaining = replies
        .filter(({ status }) => status === 200)
        .map(({ headers }) => Number(headers.get('ratelimit-remaining')));
      expect(remaining.toSorted((a, b) => a - b)).toEqual(Array.from({ length: LIMIT }, (_, n) => n));
      for (const { headers, status } of replies) {
        expect(headers.get('ratelimit-reset')).toBe('60');
        if (status === 429) expect(headers.get('retry-after')).toBe('60');
      }
    }
    await putOnPlan(database, 'unlimited');
  });

  test('together store exactly as many messages as an application may have, month by month', async () => {
    // Until both know that nobody is limited any more.
    for (const each of postriders) {
      await until(
        () => each.api.get('/v1/endpoints'),
        ({ headers }) => !headers.has('ratelimit-limit'),
      );
    }
    clock.set('2026-12-31T23:59:59Z');
    const { id } = await answer<Application>(api().post('/v1/app', { name: 'Acme', monthly_event_limit: 50 }), 201);
    const publish = (each: Api, n: number) =>
      n % 4 === 0
        ? each.post(`/v1/app/${id}/messages`, event, { 'idempotency-key': `${clock.now()} ${n % 40}` })
        : each.post(`/v1/app/${id}/messages`, event);
    const stored = async () => (await all<MessageRow>(api(), `/v1/app/${id}/messages`)).length;
    const used = async () => (await answer<UsageAnswer>(api().get(`/v1/app/${id}/statistics`), 200)).used;
    const isFirst = ({ status, headers }: Reply) => status === 202 && !headers.has('idempotent-replayed');

    const replies = await spread(200, publish);
    expect(replies.filter(isFirst)).toHaveLength(50);
    expect([await stored(), await used()]).toEqual([50, 50]);
    for (const { status, body, headers } of replies) {
      if (status === 202) continue;
      expect(body).toMatchObject({ code: 'quota_exceeded', reset_at: '2027-01-01T00:00:00.000Z' });
      expect(headers.get('retry-after')).toBe('1');
    }
    // What was accepted with a key is answered again, as often as asked; nothing else is, and nothing is charged.
    const again = await spread(200, publish);
    expect(again.filter(isFirst)).toHaveLength(0);
    expect([await stored(), await used()]).toEqual([50, 50]);

    clock.set('2027-01-01T00:00:00Z');
    expect((await spread(200, publish)).filter(isFirst)).toHaveLength(50);
    expect([await stored(), await used()]).toEqual([100, 50]);
  });

  test('together charge a call that both get at once a single time', async () => {
    const { id } = await answer<Application>(api().post('/v1/app', { name: 'Acme', monthly_event_limit: 50 }), 201);
    const path = `/v1/app/${id}/messages/batch`;
    const batch = { messages: Array.from({ length: 20 }, () => event) };
    const replies = await spread(40, (each, n) => each.post(path, batch, { 'idempotency-key': `b${n % 4}` }));
    const accepted = new Set(replies.filter(({ status }) => status === 202).map(({ text }) => text));
    // Two of the four fit, each of them whole.
    expect(accepted.size).toBe(2);
    expect(tally(replies)).toEqual({ 202: 20, quota_exceeded: 20 });
    const { used } = await answer<UsageAnswer>(api().get(`/v1/app/${id}/statistics`), 200);
    expect([used, (await all<MessageRow>(api(), `/v1/app/${id}/messages`)).length]).toEqual([40, 40]);
  });
});
