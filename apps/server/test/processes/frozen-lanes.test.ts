import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EVENT_TYPES, EVERY_LANE, invite, NARROW } from './audience.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { OrderedReceiver } from './order.ts';
import { Producer } from './producer.ts';
import { type Place, Stage } from './stage.ts';
import { figures, judge } from './verdict.ts';

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('of two processes on one PostgreSQL', () => {
  // One log for each endpoint: that with an order, that with so many places.
  const receivers = { ordered: new OrderedReceiver(60), narrow: new OrderedReceiver(200) };
  let stage: Stage;
  let frozen: Place;
  let awake: Place;

  beforeEach(async () => {
    stage = await Stage.set('postgresql', {
      behaviours: {
        lane: (request) => {
          const log = Object.entries(receivers).find(([name]) => request.path.endsWith(name))?.[1];
          const reply = log?.behaviour(request);
          return reply === undefined || reply === 'silence' ? { status: 200, delayMs: 500 } : { ...reply, status: 200 };
        },
      },
    });
    frozen = await stage.serve();
    awake = await stage.serve();
  });
  afterEach(() => stage.clear());

  test('one can be frozen past its leases: the other takes over its lanes, and their order and limits hold', async () => {
    const { receiver, apiKey } = stage;
    const audience = await invite(awake.api, receiver, 'lanes', EVERY_LANE, {
      urlOf: (label) => `${receiver.url}/lane/${label}`,
      timeoutSeconds: 1,
    });
    const urls = [frozen.url, awake.url];
    const producer = new Producer({ urls, apiKey, audiences: [audience], eventTypes: EVENT_TYPES, perSecond: 8 });
    const arrive = (more: number) => receiver.waitFor(receiver.counts.total + more, 60_000);

    producer.start();
    await arrive(120);
    frozen.server.freeze();
    const sentAgain = receiver.waitFor((request) => stage.receipts.has(request), 60_000);
    await arrive(20);
    await producer.stop();
    await sentAgain;
    frozen.server.thaw();
    await frozen.server.logged('lease lost; result dropped');
    // Both still work.
    producer.start();
    await arrive(40);
    await producer.stop();
    await settled(awake.api, 60_000);

    const verdict = judge(producer.accepted, stage.receipts, await allDeliveries(awake.api));
    console.log(
      `frozen lanes: ${figures(verdict, 1)}, at most ${receivers.ordered.mostAtOnce} at once in order, ` +
        `${receivers.narrow.mostAtOnce} in ${NARROW} places`,
    );
    expect(verdict).toMatchObject({ lost: [], faults: [] });
    expect(verdict.duplicates).toBeGreaterThan(0);
    expect(receivers.ordered.mostAtOnce).toBe(1);
    expect(receivers.narrow.mostAtOnce).toBeLessThanOrEqual(NARROW);
    const order = receivers.ordered.arrivals.map(({ messageId }) => messageId);
    // Whatever came again came before anything else did.
    expect(order.filter((id, n) => n > 0 && id !== order[n - 1] && order.indexOf(id) < n)).toEqual([]);
    for (const { server } of [frozen, awake]) expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(await impossibleRows(stage.database)).toEqual([]);
  });
});
