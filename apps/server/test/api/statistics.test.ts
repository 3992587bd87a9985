import { beforeAll, expect, test } from 'vitest';
import { newId, publicId } from '../../src/core/ids.ts';
import {
  type Application,
  answer,
  createEndpoint,
  type Metrics,
  type NewEndpoint,
  type Stats,
  sendTo,
  settled,
  tried,
} from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { refusal } from '../kit/problem.ts';
import { stageOn } from '../kit/stage.ts';
import { until } from '../kit/until.ts';

onBothDatabases('statistics', (kind) => {
  const stage = stageOn(kind);
  const stats = (id: string, query = '') => answer<Stats>(stage.api.get(`/v1/endpoints/${id}/stats${query}`), 200);
  const metrics = (query: string) => answer<Metrics>(stage.api.get(`/v1/metrics?${query}`), 200);
  const endpointAt = async (path: string, settings: object = {}) =>
    (await createEndpoint(stage.api, { url: stage.receiver.url + path, retry_policy: [], ...settings })).id;
  /** Once so many attempts are counted. */
  const statsOnce = (id: string, attempts: number, query = '') =>
    until(
      () => stats(id, query),
      (each) => each.attempts.total === attempts,
    );

  let id: string;

  // Three sent, the first of them after a failure; one failed for good.
  beforeAll(async () => {
    id = await endpointAt('/fail-times/1/mixed', { retry_policy: [0] });
    await settled(stage.api, await sendTo(stage.api, id));
    await stage.api.patch(`/v1/endpoints/${id}`, { url: `${stage.receiver.url}/ok/mixed`, retry_policy: [] });
    for (let n = 0; n < 2; n++) await settled(stage.api, await sendTo(stage.api, id));
    await stage.api.patch(`/v1/endpoints/${id}`, { url: `${stage.receiver.url}/status/404/mixed` });
    await settled(stage.api, await sendTo(stage.api, id));
  });

  test('of an endpoint tell what became of its deliveries and attempts, and how it is now', async () => {
    // The run of failures is noted right after the counts.
    const given = await until(
      () => statsOnce(id, 5),
      ({ failing_since }) => failing_since !== null,
    );
    expect(given).toMatchObject({
      endpoint_id: id,
      window: '24h',
      ...{ accepted: 4, sent: 3, failed: 1, success_rate: 0.75, pending: 0, oldest_pending_at: null },
      attempts: { total: 5, failed: 2, success_rate: 0.6 },
      failures: { timeout: 0, connection: 0, http_4xx: 1, http_5xx: 1, other: 0 },
      circuit: { state: 'closed' },
      ...{ status: 'active', disabled_reason: null },
    });
    expect(given.p50_ms).toBeGreaterThan(0);
    expect(given.p95_ms).toBeGreaterThanOrEqual(given.p50_ms ?? Number.NaN);
    for (const time of [given.last_success_at, given.last_failure_at, given.failing_since]) {
      expect(Math.abs(Date.parse(time ?? '') - Date.now())).toBeLessThan(60_000);
    }
    for (const window of ['1h', '7d', '30d']) {
      expect(await stats(id, `?window=${window}`)).toMatchObject({ window, accepted: 4, sent: 3, failed: 1 });
    }
  });

  test('of an endpoint that nothing was sent to are zero and null, not made up', async () => {
    expect(await stats(await endpointAt('/ok/idle'))).toMatchObject({
      ...{ accepted: 0, sent: 0, failed: 0, success_rate: null, p50_ms: null, p95_ms: null },
      attempts: { total: 0, failed: 0, success_rate: null },
      ...{ last_success_at: null, last_failure_at: null, failing_since: null },
    });
  });

  test('tell how much waits for an endpoint, and since when', async () => {
    const waiting = await endpointAt('/status/503/later', { retry_policy: [3600] });
    await tried(stage.api, await sendTo(stage.api, waiting), 1);
    await answer(stage.api.post(`/v1/endpoints/${waiting}/pause`), 200);
    for (let n = 0; n < 3; n++) await sendTo(stage.api, waiting);
    const given = await until(
      () => stats(waiting),
      ({ pending }) => pending === 4,
    );
    expect(Math.abs(Date.parse(given.oldest_pending_at ?? '') - Date.now())).toBeLessThan(60_000);
    expect(given.status).toBe('paused');
  });

  test('tell an endpoint that does not answer from one that nobody can connect to', async () => {
    const silent = await endpointAt('/hang/silent', { timeout_seconds: 1 });
    const nobody = (await createEndpoint(stage.api, { url: 'http://127.0.0.1:1/', retry_policy: [] })).id;
    await Promise.all([silent, nobody].map(async (each) => settled(stage.api, await sendTo(stage.api, each))));
    const slow = await statsOnce(silent, 1);
    expect(slow.failures).toMatchObject({ timeout: 1, connection: 0 });
    expect(slow.p50_ms).toBeGreaterThan(700);
    expect(await statsOnce(nobody, 1)).toMatchObject({ failures: { timeout: 0, connection: 1 }, p50_ms: null });
  });

  test('over time are a series without gaps, whose sums are the totals', async () => {
    await statsOnce(id, 5);
    const steps = { '1h': [61, 60], '24h': [25, 3600], '7d': [169, 3600], '30d': [121, 21_600] } as const;
    for (const [window, [count, seconds]] of Object.entries(steps)) {
      const given = await metrics(`window=${window}&endpoint_id=${id}`);
      expect(given).toMatchObject({ window, step_seconds: seconds, totals: { accepted: 4, sent: 3, failed: 1 } });
      expect(given.series).toHaveLength(count);
      const times = given.series.map(({ at }) => Date.parse(at));
      expect(new Set(times.slice(1).map((at, n) => at - (times[n] ?? 0)))).toEqual(new Set([seconds * 1000]));
      expect(times[0]).toBe(Date.parse(given.since));
      expect(given.series.reduce((sum, { sent }) => sum + sent, 0)).toBe(3);
      const busy = given.series.filter(({ sent, failed }) => sent + failed > 0);
      for (const each of busy) expect(each.p95_ms).toBeGreaterThan(0);
      expect(given.series[0]).toMatchObject({ accepted: 0, sent: 0, failed: 0, p50_ms: null, p95_ms: null });
    }
  });

  test('are those of an application, of one endpoint, or of the whole environment', async () => {
    const { id: appId } = await answer<Application>(stage.api.post('/v1/app', { uid: 'counted', name: 'c' }), 201);
    const url = `${stage.receiver.url}/ok/counted`;
    const its = await answer<NewEndpoint>(stage.api.post('/v1/app/counted/endpoints', { url }), 201);
    await settled(stage.api, await sendTo(stage.api, its.id));
    await statsOnce(its.id, 1);
    for (const query of ['application=counted', `application=${appId}`, `application=counted&endpoint_id=${its.id}`]) {
      expect((await metrics(query)).totals).toMatchObject({ accepted: 1, sent: 1, failed: 0, success_rate: 1 });
    }
    expect((await metrics(`application=counted&endpoint_id=${id}`)).totals).toMatchObject({ accepted: 0, sent: 0 });
    expect((await metrics('application=default')).totals.sent).toBeGreaterThanOrEqual(3);
    expect((await metrics('')).totals.sent).toBeGreaterThanOrEqual(4);
    expect(await answer<Stats>(stage.api.get(`/v1/app/counted/endpoints/${its.id}/stats`), 200)).toMatchObject({
      sent: 1,
    });
  });

  test('of what does not exist are a 404 or zero, and a window nobody knows is named', async () => {
    const nobody = publicId('ep', newId());
    await refusal(stage.api.get(`/v1/endpoints/${nobody}/stats`), 'not_found');
    await refusal(stage.api.get('/v1/metrics?application=nobody'), 'not_found');
    for (const each of [nobody, 'x']) expect((await metrics(`endpoint_id=${each}`)).totals.accepted).toBe(0);
    for (const path of [`/v1/endpoints/${id}/stats`, '/v1/metrics']) {
      const { errors } = await refusal(stage.api.get(`${path}?window=2h`), 'validation_failed');
      expect(errors?.[0]?.path).toBe('window');
      await refusal(stage.api.get(`${path}?windows=1h`), 'validation_failed');
    }
  });

  test('stay over a restart', async () => {
    const before = await statsOnce(id, 5);
    const sent = await endpointAt('/ok/last');
    await settled(stage.api, await sendTo(stage.api, sent));
    // Not waited for: what the last second counted is written on the way out.
    await stage.restart();
    expect(await stats(id)).toMatchObject({ sent: before.sent, attempts: before.attempts, p50_ms: before.p50_ms });
    expect(await stats(sent)).toMatchObject({ accepted: 1, sent: 1 });
  });
});
