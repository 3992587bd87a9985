import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Application, all, answer, type MessageRow, type NewApiKey, type UsageAnswer } from '../kit/answers.ts';
import { Api, type Reply } from '../kit/api.ts';
import { until } from '../kit/until.ts';
import { type Place, Stage } from './stage.ts';

const event = { event_type: 'order.paid', payload: { n: 0 } };
/** More than the calls of one round, less than those of two. */
const QUOTA = 900;
const CALLS = 800;
/** What is enough for the calls of a test, seconds. */
const ROOM = 20;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('two processes with limits on one PostgreSQL', () => {
  let stage: Stage;
  let places: [Place, Place];

  beforeEach(async () => {
    stage = await Stage.set('postgresql');
    places = [await stage.serve(), await stage.serve()];
  });
  afterEach(() => stage.clear());

  const api = () => places[1].api;
  const newKey = async (settings: object) =>
    (await answer<NewApiKey>(api().post('/v1/api-keys', { name: 'k', scope: 'write', ...settings }), 201)).key;
  /** Calls at the same time, half of them here and half there; those that got no answer are left out. */
  const spread = async (count: number, call: (place: Place) => Promise<Reply>) => {
    const calls = Array.from({ length: count }, (_, n) => call(places[n % 2] ?? places[0]));
    return (await Promise.allSettled(calls)).flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  };

  test('let through as many requests of a key as it may make in a minute of the database’s clock', async () => {
    const probe = new Api(places[0].url, await newKey({ rate_limit: 1_000 }));
    const key = await newKey({ rate_limit: 100 });
    // A minute that will not end meanwhile.
    await until(
      () => probe.get('/v1/endpoints'),
      ({ headers }) => Number(headers.get('ratelimit-reset')) > ROOM,
      (ROOM + 5) * 1_000,
    );
    const replies = await spread(300, ({ url }) => new Api(url, key).get('/v1/endpoints'));
    const statuses = replies.map(({ status }) => status);
    expect([statuses.filter((each) => each === 200).length, statuses.filter((each) => each === 429).length]).toEqual([
      100, 200,
    ]);
    for (const { headers } of replies.filter(({ status }) => status === 429)) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
    }
  });

  test('store as many messages as an application may have, and charge for what is stored, though one is killed', async () => {
    const made = await answer<Application>(api().post('/v1/app', { name: 'Acme', monthly_event_limit: QUOTA }), 201);
    const path = `/v1/app/${made.id}`;
    const publish = ({ url }: Place) => new Api(url, stage.apiKey).post(`${path}/messages`, event);
    const used = async () => (await answer<UsageAnswer>(api().get(`${path}/statistics`), 200)).used;
    const stored = async () => (await all<MessageRow>(api(), `${path}/messages`)).length;

    const [killed] = places;
    let answered = 0;
    const first = await spread(CALLS, async (place) => {
      const reply = await publish(place);
      if (place === killed && ++answered === 1) void killed.server.kill();
      return reply;
    });
    await killed.server.exited;
    // What got no answer may have been stored or not; it was charged if and only if it was.
    const [before] = await until(
      // A commit that the dead process had asked for may yet come.
      () => Promise.all([stored(), used()]),
      ([messages, charged]) => messages === charged,
    );
    expect(before).toBeGreaterThanOrEqual(first.filter(({ status }) => status === 202).length);
    console.log(`  killed: of ${CALLS} calls ${first.length} were answered, ${before} stored`);
    expect(first.length, 'the kill came in between').toBeLessThan(CALLS);
    expect(before).toBeLessThan(QUOTA);

    killed.begin();
    await killed.server.ready();
    const second = await spread(CALLS, publish);
    expect(second.filter(({ status }) => status === 202)).toHaveLength(QUOTA - before);
    expect(second.filter(({ body }) => body.code === 'quota_exceeded')).toHaveLength(CALLS - (QUOTA - before));
    expect([await stored(), await used()]).toEqual([QUOTA, QUOTA]);
  });

  test('forget a key that is regenerated, wherever that was', async () => {
    const made = await answer<NewApiKey>(api().post('/v1/api-keys', { name: 'k', scope: 'read' }), 201);
    const holders = places.map(({ url }) => new Api(url, made.key));
    for (const holder of holders) expect((await holder.get('/v1/endpoints')).status).toBe(200);
    const next = await answer<NewApiKey>(api().post(`/v1/api-keys/${made.id}/regenerate`), 200);
    for (const holder of holders) {
      await until(
        () => holder.get('/v1/endpoints'),
        ({ status }) => status === 401,
        2_000,
      );
    }
    for (const { url } of places) expect((await new Api(url, next.key).get('/v1/endpoints')).status).toBe(200);
  });
});
