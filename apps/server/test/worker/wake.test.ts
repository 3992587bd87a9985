import { expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, engineEndpoint, eventually, message, openStage } from '../store/stage.ts';
import { createWorker, endpointsFrom, FakeTransport, flaky, response } from './stage.ts';

onBothDatabases('a lane whose place is free again', (kind) => {
  // Two a second, as it once was, would take this 30 s.
  test('is served at once, not at the next look', async () => {
    const stage = await openStage(kind);
    const endpoint = engineEndpoint(await stage.addEndpoint({ ordering: 'fifo' }));
    const transport = new FakeTransport();
    transport.answer = () => response(200);
    for (let n = 0; n < 60; n++) await insertMessages(stage.db, [message(stage, [{ endpointId: endpoint.id }])]);
    const worker = createWorker(stage.db, { endpoints: endpointsFrom(new Map([[endpoint.id, endpoint]])) }, transport);
    worker.start();
    await eventually(() => transport.tries.length, 15_000).toBe(60);
    await worker.stop();
    const order = transport.tries.map(({ delivery }) => delivery.messageId);
    expect(order).toEqual(order.toSorted());
    await stage.close();
  });

  // It was asked twice for each: an eighth of what the embedded database did beside one endpoint that never answers.
  test('is what the database is asked for, and not for each delivery beside a slow endpoint', async () => {
    const stage = await openStage(kind);
    const slow = engineEndpoint(await stage.addEndpoint());
    const quick = engineEndpoint(await stage.addEndpoint());
    let looks = 0;
    const db = flaky(stage.db, (statement) => {
      if (statement === 'lane_next_ready') looks++;
      return false;
    });
    const transport = new FakeTransport();
    const endpoints = new Map([slow, quick].map((each) => [each.id, each]));
    const worker = createWorker(db, { endpoints: endpointsFrom(endpoints) }, transport);
    const owed = (count: number, endpoint: Endpoint) =>
      insertMessages(stage.db, [message(stage, Array(count).fill({ endpointId: endpoint.id }))]);
    await owed(60, quick);
    const leased = await claimDue(stage.db, 60);
    expect(leased).toHaveLength(60);
    await owed(100, slow);
    worker.start();
    await eventually(() => transport.tries.length).toBe(10);
    const first = looks;
    await eventually(() => looks).toBeGreaterThan(first);
    transport.answer = () => response(200);
    const [before, startedAt] = [looks, performance.now()];
    for (const delivery of leased) {
      expect(worker.reserve(delivery.applicationId, delivery.endpointId)).toBe(true);
      await new Promise<void>((ended) => worker.deliver(delivery, performance.now(), ended));
    }
    // By the clock it looks twice a second.
    const byTheClock = Math.ceil((performance.now() - startedAt) / 500);
    expect(looks - before).toBeLessThanOrEqual(byTheClock + 1);
    transport.endAll();
    await worker.stop();
    await stage.close();
  });
});
