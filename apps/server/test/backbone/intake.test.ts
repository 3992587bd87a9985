import { expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { backboneOn, settled, WAY_MS } from './stage.ts';

/** Longer ago than anything may be on its way. */
const LATE_MS = WAY_MS + 5_000;
/** Longer ago than a publisher waits for its broker. */
const GIVEN_UP_MS = 6_000;

onBothDatabases('the taking side of a backbone', (kind) => {
  const stage = backboneOn(kind);

  test('of a worker that cannot reach the broker, nobody believes that it takes anything', async () => {
    const on = stage();
    const lag = async () => (await on.stage.sql<{ lag_ms: number }>('select lag_ms from backbone_worker'))[0]?.lag_ms;
    await on.stage.sql('delete from backbone_worker');
    on.queue.onReceive = () => Promise.reject(new Error('no route to host'));
    on.intake.start();
    await until(
      () => on.queue.calls.receive,
      (count) => count > 2,
    );
    expect(await lag()).toBeUndefined();

    on.queue.onReceive = null;
    await until(lag, (ms) => ms !== undefined && ms < 1_000);
    on.queue.onReceive = () => Promise.reject(new Error('no route to host'));
    await until(lag, (ms) => ms !== undefined && ms > 1_000);
  });

  test('sends once what came twice, when it asks about both at once', async () => {
    const on = stage();
    await on.handOver(await on.commit(), performance.now() - LATE_MS);
    const [stored] = on.left;
    if (!stored) throw new Error('nothing was published');
    await on.queue.publish([{ body: stored.body, headers: stored.headers }]);
    on.intake.start();
    await on.inHand(1);
    await settled();
    expect(on.hands.inHand).toHaveLength(1);
    on.endAll();
    await on.empty();
  });

  test('asks about what its publisher may have given up waiting for', async () => {
    const on = stage();
    await on.handOver(await on.commit(), performance.now() - GIVEN_UP_MS);
    on.intake.start();
    await on.inHand(1);
    expect(on.hands.inHand[0]?.delivery.lease).toBe(2);
  });

  test('goes on with what is in its hands when the broker brings it again, its connection having been cut', async () => {
    const on = stage();
    await on.handOver(await on.commit());
    on.intake.start();
    await on.inHand(1);
    // What was in hand on the old connection is given out on the new one.
    await on.queue.close();
    await until(
      () => on.left[0]?.deliveryCount,
      (count) => count === 2,
    );
    await settled();
    expect(on.hands.inHand).toHaveLength(1);
    expect(await on.rows()).toEqual([{ status: 'SENDING', lease: 1 }]);
    on.endAll();
    await on.empty();
  });

  test('takes no more than it has room for while the database is slow to answer', async () => {
    const on = stage();
    for (let n = 0; n < 40; n++) await on.handOver(await on.commit(), performance.now() - LATE_MS);
    const { promise, resolve } = on.hold();
    on.asking.onQuery = () => promise;
    on.intake.start();
    const taken = () => on.left.filter(({ isInHand }) => isInHand).length;
    await until(taken, (count) => count >= 31);
    await settled();
    // Room for 1,000 deliveries is room for 31 envelopes of 32.
    expect(taken()).toBe(31);
    resolve();
    await on.inHand(40);
  });

  test('a slow endpoint in every envelope does not keep the others from being taken', async () => {
    const on = stage();
    const MAX_UNACKED = 320;
    on.queue.onReceive = async ({ max, waitMs }) => {
      const room = MAX_UNACKED - on.left.filter(({ isInHand }) => isInHand).length;
      if (room <= 0) await on.broker.arrival(waitMs);
      return room > 0 ? on.queue.take(Math.min(max, room), waitMs) : [];
    };
    for (const delivery of await on.commit(400)) await on.handOver([delivery]);
    on.intake.start();
    await on.inHand(400);
  });

  test('stops only when all that it asks about is in somebody’s hands', async () => {
    const on = stage();
    await on.handOver(await on.commit(), performance.now() - LATE_MS);
    const { promise, resolve } = on.hold();
    let isAsked = false;
    on.asking.onQuery = () => {
      isAsked = true;
      return promise;
    };
    // Hears at once that it is to stop.
    on.queue.onReceive = async ({ max }) => {
      await new Promise(setImmediate);
      return on.queue.take(max, 0);
    };
    const here = async () => (await on.stage.sql('select from backbone_worker')).length;
    await on.stage.sql('delete from backbone_worker');
    on.intake.start();
    await until(
      () => isAsked,
      (is) => is,
    );
    await until(here, (count) => count === 1);
    const stopped = on.intake.stop().then(() => on.hands.inHand.length + on.hands.inLane.length);
    await until(here, (count) => count === 0);
    await settled();
    resolve();
    expect(await stopped).toBe(1);
    on.endAll();
  });
});
