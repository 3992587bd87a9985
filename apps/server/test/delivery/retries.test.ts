import { expect, test } from 'vitest';
import { attemptsOf, createEndpoint, type Delivery, type Endpoint, sendTo, settled, tried } from '../kit/answers.ts';
import { onBothDatabases } from '../kit/database.ts';
import { stageOn } from '../kit/stage.ts';

onBothDatabases('a delivery that fails', (kind) => {
  const stage = stageOn(kind);

  const sendWith = async (path: string, settings: object) => {
    const { id } = await createEndpoint(stage.api, { url: stage.receiver.url + path, ...settings });
    return sendTo(stage.api, id);
  };
  /** Seconds from the last attempt to the next. */
  const pause = async ({ id, next_attempt_at }: Delivery) => {
    const last = (await attemptsOf(stage.api, id)).at(-1);
    return (Date.parse(next_attempt_at ?? '') - Date.parse(last?.started_at ?? '')) / 1000;
  };

  test('is tried again on its schedule until it succeeds, and every try is kept', async () => {
    const id = await sendWith('/fail-times/2/twice?status=503', { retry_policy: [0.1, 0.2] });
    expect(await settled(stage.api, id)).toMatchObject({
      status: 'SENT',
      attempt_count: 3,
      last_status_code: 200,
      last_error: null,
      next_attempt_at: null,
      completed_at: expect.stringMatching(/Z$/),
    });
    const attempts = await attemptsOf(stage.api, id);
    const failure = {
      status: 'failure',
      response_status: 503,
      error: { code: 'http_503', message: expect.any(String) },
    };
    const success = { status: 'success', response_status: 200, error: null };
    expect(attempts).toMatchObject([
      { number: 1, trigger: 'scheduled', ...failure },
      { number: 2, trigger: 'scheduled', ...failure },
      { number: 3, trigger: 'scheduled', ...success },
    ]);
    for (const attempt of attempts) {
      expect(attempt.url).toBe(`${stage.receiver.url}/fail-times/2/twice?status=503`);
      expect(attempt.response_headers).toMatchObject({ 'content-type': 'text/plain; charset=utf-8' });
      expect(attempt.request_headers).toMatchObject({ 'content-type': 'application/json' });
      const { dns, tls, connect, first_byte } = attempt.timings;
      // An address needs no look-up and http: no handshake; a connection that was open already was not made.
      expect({ dns, tls }).toEqual({ dns: null, tls: null });
      expect([null, expect.any(Number)]).toContainEqual(connect);
      expect(first_byte).toBeGreaterThanOrEqual(0);
      expect(attempt.duration_ms).toBeGreaterThanOrEqual(first_byte ?? 0);
    }
    expect(attempts[0]?.timings.connect).toBeGreaterThanOrEqual(0);
    const [first, second, third] = attempts.map(({ started_at }) => Date.parse(started_at));
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(100);
    expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(200);
  });

  test('is FAILED for good once its schedule is used up; its endpoint lives on', async () => {
    const { id: endpointId } = await createEndpoint(stage.api, {
      url: `${stage.receiver.url}/status/500/dead`,
      retry_policy: [0, 0],
    });
    const id = await sendTo(stage.api, endpointId);
    expect(await settled(stage.api, id)).toMatchObject({
      status: 'FAILED',
      attempt_count: 3,
      last_status_code: 500,
      last_error: 'http_500',
      next_attempt_at: null,
      completed_at: expect.stringMatching(/Z$/),
    });
    expect(stage.receiver.received.filter(({ path }) => path === '/status/500/dead')).toHaveLength(3);
    const { body } = await stage.api.get(`/v1/endpoints/${endpointId}`);
    expect((body as unknown as Endpoint).status).toBe('active');
  });

  test('is tried once where the schedule is empty', async () => {
    const delivery = await settled(stage.api, await sendWith('/status/404', { retry_policy: [] }));
    expect(delivery).toMatchObject({ status: 'FAILED', attempt_count: 1, last_error: 'http_404' });
  });

  test('waits as long as its policy says, and a fifth longer at most', async () => {
    const policies: [unknown, number][] = [
      ['default', 5],
      ['extended', 5],
      [[60], 60],
      [[604_800], 604_800],
    ];
    for (const [retry_policy, seconds] of policies) {
      const delivery = await tried(stage.api, await sendWith('/status/500', { retry_policy }), 1);
      expect(delivery).toMatchObject({
        status: 'PENDING',
        attempt_count: 1,
        completed_at: null,
        last_error: 'http_500',
      });
      const waits = await pause(delivery);
      expect(waits).toBeGreaterThanOrEqual(seconds);
      // The attempt itself, and being written down, take their time too.
      expect(waits).toBeLessThanOrEqual(seconds * 1.2 + 2);
    }
  });

  test('takes a Retry-After, in seconds or as a date, for the least it waits', async () => {
    const inSeconds = (seconds: number) => encodeURIComponent(new Date(Date.now() + seconds * 1000).toUTCString());
    // Retry-After, policy, and between how many seconds it then waits. A date has whole seconds only.
    const table: [string, number[], number, number][] = [
      ['30', [0], 30, 32],
      [inSeconds(30), [0], 28.5, 32],
      ['1', [60], 60, 74],
      [inSeconds(-1000), [60], 60, 74],
      ['9999999', [0], 86_400, 86_402],
      [inSeconds(9_999_999), [0], 86_400, 86_402],
      ['soon', [60], 60, 74],
      ['-5', [60], 60, 74],
      ['3.5', [60], 60, 74],
    ];
    for (const status of [429, 503]) {
      for (const [retryAfter, retry_policy, least, most] of table) {
        const id = await sendWith(`/status/${status}?retry-after=${retryAfter}`, { retry_policy });
        const waits = await pause(await tried(stage.api, id, 1));
        expect(waits, retryAfter).toBeGreaterThanOrEqual(least);
        expect(waits, retryAfter).toBeLessThanOrEqual(most);
      }
    }
  });

  test('does not wait for a Retry-After when there is no retry left', async () => {
    const id = await sendWith('/status/429?retry-after=3600', { retry_policy: [] });
    expect(await settled(stage.api, id)).toMatchObject({ status: 'FAILED', last_error: 'http_429' });
  });
});
