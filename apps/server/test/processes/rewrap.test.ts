import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandProcess } from '../kit/command-process.ts';
import { ServerProcess } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';
import { ALWAYS_TWO, EVENT_TYPES, invite } from './audience.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { Producer } from './producer.ts';
import { Stage } from './stage.ts';
import { figures, judge } from './verdict.ts';

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('postrider keys rewrap', () => {
  let stage: Stage;
  const [old, fresh] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  const withKeys = (...keys: string[]) => ({ POSTRIDER_MASTER_KEY: keys.join() });

  beforeEach(async () => {
    stage = await Stage.set('postgresql');
  });
  afterEach(() => stage.clear());

  test('runs while two processes are under load; then the new master key alone opens everything', async () => {
    const before = await stage.serve(withKeys(old));
    const { receiver, receipts, apiKey } = stage;
    const audience = await invite(before.api, receiver, 'rewrap', ALWAYS_TWO, {
      urlOf: (label) => `${receiver.url}/ok/${label}`,
      timeoutSeconds: 5,
    });
    expect(await before.server.stop()).toEqual({ code: 0, signal: null });

    const both = [await stage.serve(withKeys(fresh, old)), await stage.serve(withKeys(fresh, old))];
    const urls = both.map(({ url }) => url);
    const producer = new Producer({ urls, apiKey, audiences: [audience], eventTypes: EVENT_TYPES, perSecond: 200 });
    const accepted = (count: number) =>
      until(
        () => producer.accepted.length,
        (length) => length >= count,
        60_000,
      );
    producer.start();
    await accepted(200);
    const done = await commandProcess(['keys', 'rewrap'], both[0]?.env ?? {});
    expect(done).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('2 re-wrapped') });
    await accepted(producer.accepted.length + 400);
    await producer.stop();
    for (const { server } of both) expect(await server.stop()).toEqual({ code: 0, signal: null });

    const after = await stage.serve(withKeys(fresh));
    await settled(after.api, 60_000);
    const verdict = judge(producer.accepted, receipts, await allDeliveries(after.api));
    console.log(`rewrap under load: ${figures(verdict, 0)}`);
    expect(verdict).toMatchObject({ lost: [], faults: [] });
    expect(producer.failed).toBe(0);
    // Kept answers are sealed too.
    const again = new Producer({
      urls: [after.url],
      apiKey,
      audiences: [audience],
      eventTypes: EVENT_TYPES,
      perSecond: 200,
    });
    await again.send(100);
    expect(await again.askAgain()).toEqual([]);
    await settled(after.api, 60_000);
    const states = [...(await allDeliveries(after.api)).values()].map(({ status }) => status);
    expect(new Set(states)).toEqual(new Set(['SENT']));
    expect(await after.server.stop()).toEqual({ code: 0, signal: null });

    const late = new ServerProcess({ ...after.env, ...withKeys(old) });
    expect(await late.exited).toEqual({ code: 1, signal: null });
    expect(late.stderr.split('\n')).toEqual([expect.stringMatching(/^postrider: POSTRIDER_MASTER_KEY: .{10,}/), '']);
  });
});
