import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Recorder } from '../../src/delivery/recorder.ts';
import type { Worker } from '../../src/delivery/worker.ts';
import { createLog } from '../../src/log.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import type { LeasedDelivery } from '../../src/store/lease.ts';
import { onBothDatabases } from '../kit/database.ts';
import {
  claimDue,
  engineEndpoint,
  eventually,
  giveBackLease,
  message,
  openStage,
  result,
  type Stage,
} from '../store/stage.ts';
import { createWorker, endpointsFrom, FakeTransport, flaky, response } from './stage.ts';

onBothDatabases('a result', (kind) => {
  let stage: Stage;
  let endpoint: Endpoint;
  let transport: FakeTransport;

  beforeAll(async () => {
    stage = await openStage(kind);
    endpoint = engineEndpoint(await stage.addEndpoint());
  });
  beforeEach(async () => {
    await stage.clear();
    transport = new FakeTransport();
  });
  afterAll(() => stage.close());

  const log = createLog('silent');
  const rows = () => stage.sql('select status, attempt_count from delivery order by id');
  const send = (count: number) =>
    insertMessages(stage.db, [
      message(
        stage,
        Array.from({ length: count }, () => ({ endpointId: endpoint.id })),
      ),
    ]);
  async function lease(count: number): Promise<LeasedDelivery[]> {
    await send(count);
    return claimDue(stage.db, count);
  }
  const workerOn = (db = stage.db, graceMs = 5_000) =>
    createWorker(db, { endpoints: endpointsFrom(new Map([[endpoint.id, endpoint]])), graceMs }, transport);

  test('is not lost while the database is away', async () => {
    let failures = 3;
    const db = flaky(stage.db, (name) => name === 'lease_record' && failures-- > 0);
    const worker = workerOn(db);
    transport.answer = () => response(200);
    await send(5);
    worker.start();
    await eventually(rows).toEqual(Array(5).fill({ status: 'SENT', attempt_count: 1 }));
    await worker.stop();
    expect(failures).toBeLessThan(0);
    expect(transport.tries).toHaveLength(5);
  });

  test('that the database refuses for its content is kept without that content', async () => {
    const worker = workerOn();
    const [nul, fine] = [response(200, 'a\0b', { 'x-odd': 'ÿ' }), response(200, 'fine')];
    transport.answer = () => (transport.tries.length === 1 ? nul : fine);
    await send(3);
    worker.start();
    await eventually(rows).toEqual(Array(3).fill({ status: 'SENT', attempt_count: 1 }));
    await worker.stop();
    const bodies = await stage.sql<{ response_body: string | null }>('select response_body from attempt');
    expect(bodies.map((row) => row.response_body).toSorted()).toEqual(['fine', 'fine', null]);
  });

  test('that comes after somebody else took the delivery is dropped, and says so', async () => {
    const [stale, ours] = await lease(2);
    if (!stale || !ours) throw new Error('nothing is due');
    await giveBackLease(stage.db, stale, 0);
    await claimDue(stage.db, 1);
    const recorder = new Recorder({ db: stage.db, log });
    const outcomes = await Promise.all([stale, ours].map((each) => recorder.record(result(each))));
    expect(outcomes).toEqual(['lease_lost', 'recorded']);
  });

  test('is given up once the process is to stop, and its lease runs out', async () => {
    const [delivery] = await lease(1);
    if (!delivery) throw new Error('nothing is due');
    const recorder = new Recorder({ db: flaky(stage.db, () => true), log });
    const recorded = recorder.record(result(delivery));
    recorder.stopRetrying();
    await expect(recorded).rejects.toThrow('ECONNREFUSED');
    expect(await rows()).toEqual([{ status: 'SENDING', attempt_count: 0 }]);
  });

  test('of what is in flight is waited for by a stop', async () => {
    const worker: Worker = workerOn();
    await send(2);
    worker.start();
    await eventually(() => transport.tries.length).toBe(2);
    let isStopped = false;
    const stopped = worker.stop().then(() => {
      isStopped = true;
    });
    transport.tries[0]?.end();
    const sent = async () => (await rows()).filter((row) => JSON.stringify(row).includes('SENT')).length;
    await eventually(sent).toBe(1);
    expect(isStopped).toBe(false);
    transport.tries[1]?.end();
    await stopped;
    expect(await rows()).toEqual(Array(2).fill({ status: 'SENT', attempt_count: 1 }));
  });

  test('of what is in flight is not waited for longer than the grace', async () => {
    const worker = workerOn(stage.db, 50);
    await send(1);
    worker.start();
    await eventually(() => transport.tries.length).toBe(1);
    await worker.stop();
    expect(await rows()).toEqual([{ status: 'SENDING', attempt_count: 0 }]);
    transport.endAll();
    // It still counts when it comes before anybody else has the delivery.
    await eventually(rows).toEqual([{ status: 'SENT', attempt_count: 1 }]);
  });
});
