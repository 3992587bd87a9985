import { QueueError } from '@postrider/queues';
import { expect, test } from 'vitest';
import { claim } from '../../src/delivery/claim.ts';
import { onBothDatabases } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { roomFor } from '../store/stage.ts';
import { backboneOn } from './stage.ts';

onBothDatabases('the handing side of a backbone', (kind) => {
  const stage = backboneOn(kind);

  test('leaves time to whoever got what the broker took without saying so', async () => {
    const on = stage();
    on.queue.onPublish = async (messages) => {
      for (const message of messages) on.broker.add('backbone', message, performance.now());
      throw new Error('the connection was closed');
    };
    await on.stage.addEndpoint();
    await on.handOver(await on.commit());
    on.intake.start();
    await on.inHand(1);
    expect(await on.rows()).toEqual([{ status: 'PENDING', lease: 1 }]);
    expect((await claim(on.stage.db, roomFor(100))).deliveries).toEqual([]);
  });

  test('gives back at once what waits behind a publish that failed', async () => {
    const on = stage();
    const { promise, reject } = on.hold();
    on.queue.onPublish = () => promise;
    const handedOver = [on.handOver(await on.commit())];
    await until(
      () => on.queue.calls.publish,
      (count) => count === 1,
    );
    handedOver.push(on.handOver(await on.commit(3)));
    reject(new Error('no answer'));
    await Promise.all(handedOver);
    expect(on.queue.calls.publish).toBe(1);
    expect(await on.rows()).toEqual(Array(4).fill({ status: 'PENDING', lease: 1 }));
  });

  test('has no room for more when the payloads that wait for a slow broker are many bytes', async () => {
    const on = stage();
    const { promise, resolve } = on.hold();
    on.queue.onPublish = () => promise;
    const [delivery] = await on.commit(1, { payload: JSON.stringify('x'.repeat(200_000)) });
    if (!delivery) throw new Error('no delivery');
    let count = 0;
    for (; count < 2_000 && on.handoff.reserve(); count++) on.handoff.send(delivery, performance.now());
    expect(count * 200_000).toBeLessThan(100 * 1024 * 1024);
    resolve();
    await on.handoff.idle();
    expect(on.handoff.reserve()).toBe(true);
    on.handoff.release();
  });

  test('goes on with a broker for which something was too large', async () => {
    const on = stage();
    on.queue.onPublish = async () => {
      throw new QueueError('too_large', 'the limit of this server is lower');
    };
    await on.handOver(await on.commit());
    expect(await on.rows()).toEqual([{ status: 'PENDING', lease: 1 }]);
    expect(on.handoff.isOpen).toBe(true);
  });
});
