import { expect, test } from 'vitest';
import { insertMessages } from '../../src/store/acceptance.ts';
import { onBothDatabases } from '../kit/database.ts';
import { engineEndpoint, eventually, message, openStage } from '../store/stage.ts';
import { createWorker, endpointsFrom, FakeTransport, response } from './stage.ts';

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
});
