import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answer, type Metrics } from '../kit/answers.ts';
import { until } from '../kit/until.ts';
import { ALWAYS_TWO, EVENT_TYPES, invite } from './audience.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { Producer } from './producer.ts';
import { type Place, Stage } from './stage.ts';
import { figures, judge } from './verdict.ts';

const MESSAGES = 4_000;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('two processes on one PostgreSQL', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = await Stage.set('postgresql');
  });
  afterEach(() => stage.clear());

  test('share the work, and send each delivery once', async () => {
    const one = await stage.serve({ POSTRIDER_LOG_LEVEL: 'debug' });
    const other = await stage.serve({ POSTRIDER_LOG_LEVEL: 'debug' });
    await sendEachOnce('both with every role', [one, other], one);

    // One line for each attempt.
    const shares = [one, other].map(({ server }) => server.count('attempt'));
    console.log(`  shares: ${shares.join(' and ')}`);
    for (const share of shares) expect(share).toBeGreaterThan(MESSAGES * 2 * 0.2);
    await stopBoth(one, other);
  });

  test('send each delivery once where one only takes messages and the other only sends them', async () => {
    const taker = await stage.serve({ POSTRIDER_LOG_LEVEL: 'debug', POSTRIDER_ROLES: 'api' });
    const sender = await stage.serve({ POSTRIDER_LOG_LEVEL: 'debug', POSTRIDER_ROLES: 'worker,maintenance' });
    await sendEachOnce('api, and worker with maintenance', [taker], taker);

    expect(taker.server.count('attempt')).toBe(0);
    expect(sender.server.count('attempt')).toBe(MESSAGES * 2);
    await stopBoth(taker, sender);
  });

  async function sendEachOnce(name: string, takers: readonly Place[], reader: Place): Promise<void> {
    const { receiver, receipts, apiKey } = stage;
    const audience = await invite(reader.api, receiver, 'two', ALWAYS_TWO, {
      urlOf: (label) => `${receiver.url}/ok/${label}`,
      timeoutSeconds: 5,
    });
    const urls = takers.map(({ url }) => url);
    const producer = new Producer({ urls, apiKey, audiences: [audience], eventTypes: EVENT_TYPES, perSecond: 500 });
    await producer.send(MESSAGES);
    await settled(reader.api, 60_000);

    const verdict = judge(producer.accepted, receipts, await allDeliveries(reader.api));
    console.log(`two processes (${name}): ${figures(verdict, 0)}`);
    expect(verdict).toMatchObject({ accepted: MESSAGES, deliveries: MESSAGES * 2, lost: [], faults: [] });
    expect(verdict.received, 'requests, of which each delivery is one').toBe(MESSAGES * 2);
    expect(producer.failed).toBe(0);
    // Each process adds what it counted to the same rows.
    const totals = await until(
      async () => (await answer<Metrics>(reader.api.get('/v1/metrics?window=1h'), 200)).totals,
      ({ accepted, sent }) => accepted === MESSAGES * 2 && sent === MESSAGES * 2,
    );
    expect(totals).toMatchObject({ failed: 0, success_rate: 1, attempts: { total: MESSAGES * 2, failed: 0 } });
    expect(await producer.askAgain()).toEqual([]);
  }

  async function stopBoth(...places: readonly Place[]): Promise<void> {
    for (const { server } of places) expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(await impossibleRows(stage.database)).toEqual([]);
  }
});
