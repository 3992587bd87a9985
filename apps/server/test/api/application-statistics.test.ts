import { beforeEach, expect, test } from 'vitest';
import { type Application, answer, createEndpoint, sendTo, settled, type UsageAnswer } from '../kit/answers.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

onBothDatabases('an application’s statistics', (kind) => {
  const clock = new TestClock('2026-11-21T00:00:00Z');
  const stage = stageOn(kind, { substitutes: { now: clock.now } });

  beforeEach(() => clock.set('2026-11-21T00:00:00Z'));

  const statistics = (app: string, query = '') =>
    answer<UsageAnswer>(stage.api.get(`/v1/app/${app}/statistics${query}`), 200);
  const newApplication = async () => (await answer<Application>(stage.api.post('/v1/app', { name: 'Acme' }), 201)).id;
  const publish = (app: string) =>
    answer(stage.api.post(`/v1/app/${app}/messages`, { event_type: 'a', payload: {} }), 202);

  test('are of the last twelve months unless told, and of every month asked for', async () => {
    const app = await newApplication();
    const months = async (query: string) => (await statistics(app, query)).months.map(({ month }) => month);
    expect(await statistics(app)).toMatchObject({ limit: null, used: 0, reset_at: '2026-12-01T00:00:00.000Z' });
    const year = await months('');
    expect([year.length, year[0], year.at(-1)]).toEqual([12, '2025-12', '2026-11']);
    expect(await months('?from=2026-09')).toEqual(['2026-09', '2026-10', '2026-11']);
    expect((await months('?to=2026-01'))[0]).toBe('2025-02');
    expect(await months('?from=2027-01&to=2027-02')).toEqual(['2027-01', '2027-02']);
    expect(await months('?from=2024-01&to=2026-12')).toHaveLength(36);
  });

  test('are refused for a range that cannot be', async () => {
    const app = await newApplication();
    const bad = ['from=2026-12', 'from=2026-02&to=2026-01', 'from=2023-12&to=2026-12', 'to=2026-13', 'from=2026'];
    for (const query of [...bad, 'from=2026-1', 'from=0000-01&to=0000-02', 'from=', 'until=2026-01']) {
      await refusal(stage.api.get(`/v1/app/${app}/statistics?${query}`), 'validation_failed');
    }
    await refusal(stage.api.get('/v1/app/nobody/statistics'), 'not_found');
  });

  test('count messages that reach nobody, and deliveries by how they ended', async () => {
    const { url } = stage.receiver;
    const before = await statistics('default');
    const well = await createEndpoint(stage.api, { url: `${url}/ok` });
    const badly = await createEndpoint(stage.api, { url: `${url}/status/400`, retry_policy: [] });
    await Promise.all([well, well, badly].map(async ({ id }) => settled(stage.api, await sendTo(stage.api, id))));
    const app = await newApplication();
    await publish(app);
    const counted = await until(
      () => Promise.all([statistics('default'), statistics(app)]),
      ([of, other]) => of.used === before.used + 3 && other.used === 1,
    );
    expect(counted[0].months.at(-1)).toEqual({
      ...{ month: '2026-11', messages: before.used + 3, deliveries_sent: 2, deliveries_failed: 1 },
    });
    expect(counted[1].months.at(-1)).toEqual({
      ...{ month: '2026-11', messages: 1, deliveries_sent: 0, deliveries_failed: 0 },
    });
  });

  test('go on from where they were when an application gets a limit', async () => {
    const app = await newApplication();
    await publish(app);
    await until(
      () => statistics(app),
      ({ used }) => used === 1,
    );
    expect((await stage.api.patch(`/v1/app/${app}`, { monthly_event_limit: 2 })).status).toBe(200);
    await publish(app);
    await refusal(stage.api.post(`/v1/app/${app}/messages`, { event_type: 'a', payload: {} }), 'quota_exceeded');
    expect(await statistics(app)).toMatchObject({ limit: 2, used: 2 });
  });
});
