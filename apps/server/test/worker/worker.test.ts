import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DisabledReason, Endpoint } from '../../src/core/endpoint.ts';
import { newDeliveryId, newId, type Uuid } from '../../src/core/ids.ts';
import { Circuits } from '../../src/delivery/circuits.ts';
import type { Worker } from '../../src/delivery/worker.ts';
import { createLog } from '../../src/log.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import type { Queryable } from '../../src/store/database.ts';
import type { DeliveryRow } from '../../src/store/delivery.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, engineEndpoint, eventually, message, openStage, type Stage } from '../store/stage.ts';
import { createWorker, endpointsFrom, FakeTransport, flaky, response } from './stage.ts';

onBothDatabases('a worker', (kind) => {
  let stage: Stage;
  let endpoint: Endpoint;
  let endpoints: Map<Uuid, Endpoint>;
  let transport: FakeTransport;
  let worker: Worker;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    endpoint = engineEndpoint(await stage.addEndpoint());
    endpoints = new Map([[endpoint.id, endpoint]]);
    transport = new FakeTransport();
    worker = createWorker(stage.db, { endpoints: endpointsFrom(endpoints) }, transport);
  });
  afterEach(async () => {
    transport.answer = () => response(200);
    transport.endAll();
    await worker.stop();
  });
  afterAll(() => stage.close());

  const rows = () => stage.sql<DeliveryRow & { lease: number }>('select * from delivery order by id');
  const statuses = async () => (await rows()).map((row) => row.status);
  const send = (count: number, to = endpoint.id) =>
    insertMessages(stage.db, [
      message(
        stage,
        Array.from({ length: count }, () => ({ endpointId: to })),
      ),
    ]);

  test('sends what is due and records how it went', async () => {
    transport.answer = () => response(500, 'no');
    await send(3);
    worker.start();
    await eventually(statuses).toEqual(['PENDING', 'PENDING', 'PENDING']);
    await eventually(async () => (await rows()).map((row) => row.last_error)).toEqual([
      'http_500',
      'http_500',
      'http_500',
    ]);
    expect(await stage.sql('select number, response_body, error_code from attempt')).toEqual(
      Array(3).fill({ number: 1, response_body: 'no', error_code: 'http_500' }),
    );
  });

  test('does not send what is not due', async () => {
    const later = message(stage, [{ endpointId: endpoint.id, dueInMs: 60_000 }, { endpointId: endpoint.id }]);
    await insertMessages(stage.db, [later]);
    worker.start();
    await eventually(() => transport.tries.length).toBe(1);
    expect(transport.tries[0]?.delivery.id).toBe(later.deliveries[1]?.id);
  });

  test('leaves room for other endpoints beside one that is slow', async () => {
    const quick = engineEndpoint(await stage.addEndpoint());
    endpoints.set(quick.id, quick);
    await send(600);
    worker.start();
    await eventually(() => transport.tries.length).toBe(10);
    transport.tries[0]?.end();
    await eventually(() => transport.tries.length).toBe(1 + 256);
    await send(1, quick.id);
    worker.wake();
    await eventually(() => transport.tries.some((each) => each.endpoint.id === quick.id)).toBe(true);
    expect(transport.tries.length).toBe(1 + 256 + 1);
  });

  test('sends few to an endpoint that was never heard, claimed or handed over, and more once it has answered', async () => {
    await send(300);
    const leased = await claimDue(stage.db, 100);
    worker.start();
    await eventually(() => transport.tries.length).toBe(10);
    for (const delivery of leased) {
      expect(worker.reserve(delivery.applicationId, delivery.endpointId)).toBe(true);
      worker.deliver(delivery, performance.now());
    }
    transport.tries[0]?.end(response(503));
    // Its place goes to one of those that wait, and to no more.
    await eventually(() => transport.tries.length).toBe(11);
    transport.tries[1]?.end();
    await eventually(() => transport.tries.length).toBeGreaterThanOrEqual(2 + 200);
  });

  test('sends no more until the circuit has heard of what failed', async () => {
    const onChange = () => endpoints.set(endpoint.id, { ...endpoint, circuit: { ...endpoint.circuit, state: 'open' } });
    const circuits = new Circuits({ db: stage.db, log: createLog('silent'), onChange });
    const own = createWorker(stage.db, { endpoints: endpointsFrom(endpoints), circuits }, transport);
    await send(300);
    const leased = await claimDue(stage.db, 40);
    own.start();
    await eventually(() => transport.tries.length).toBe(10);
    for (const delivery of leased) {
      own.reserve(delivery.applicationId, delivery.endpointId);
      own.deliver(delivery, performance.now());
    }
    transport.endAll(response(503));
    await eventually(async () => (await statuses()).includes('SENDING')).toBe(false);
    await own.stop();
    expect(transport.tries).toHaveLength(10);
  });

  test('lets go of the backlog of an endpoint that is switched off by more than a few at a time', async () => {
    endpoints.set(endpoint.id, { ...endpoint, status: 'disabled' });
    await send(500);
    let claims = 0;
    const counting = flaky(stage.db, () => false);
    const db = {
      ...counting,
      transaction: <T>(work: (tx: Queryable) => Promise<T>) => {
        claims++;
        return stage.db.transaction(work);
      },
    };
    const own = createWorker(db, { endpoints: endpointsFrom(endpoints) }, transport);
    own.start();
    await eventually(async () => new Set(await statuses())).toEqual(new Set(['FAILED']));
    await own.stop();
    expect(claims).toBeLessThan(25);
  });

  test('leaves room for another application beside one with many slow endpoints', async () => {
    const slow = await Promise.all(Array.from({ length: 60 }, () => stage.addEndpoint()));
    const { id: application } = await stage.addApplication();
    const quick = engineEndpoint(await stage.addEndpoint({ application_id: application }));
    for (const each of [...slow.map(engineEndpoint), quick]) endpoints.set(each.id, each);
    const toAll = slow.map(({ id }) => ({ endpointId: id }));
    await insertMessages(
      stage.db,
      Array.from({ length: 20 }, () => message(stage, toAll)),
    );
    const to = (id: Uuid) => transport.tries.filter((each) => each.endpoint.applicationId === id);
    worker.start();
    await eventually(() => to(stage.application).length).toBeGreaterThanOrEqual(7 * 64);
    await insertMessages(stage.db, [message({ ...stage, application }, Array(20).fill({ endpointId: quick.id }))]);
    worker.wake();
    await eventually(() => {
      for (const each of to(application)) each.end();
      return to(application).length;
    }).toBe(20);
    expect(to(stage.application)).toHaveLength(7 * 64);
  });

  test('leaves room for another application beside one whose slow endpoints are handed over to it', async () => {
    const quick: Endpoint = { ...endpoint, id: newId(), applicationId: newId() };
    const slow = Array.from({ length: 1_000 }, () => ({ ...endpoint, id: newId() }));
    for (const each of [...slow, quick]) endpoints.set(each.id, each);
    await send(1);
    const [leased] = await claimDue(stage.db, 1);
    if (!leased) throw new Error('nothing is due');
    const handOver = ({ id: endpointId, applicationId }: Endpoint) => {
      if (!worker.reserve(applicationId, endpointId)) return false;
      worker.deliver({ ...leased, id: newDeliveryId(leased.messageId), applicationId, endpointId }, performance.now());
      return true;
    };
    worker.start();
    let handed = 0;
    for (let n = 0; n < 3; n++) handed += slow.filter(handOver).length;
    // Seven eighths of what it may have in hand.
    expect(handed).toBe(7 * 256);
    await eventually(() => transport.tries.length).toBeGreaterThanOrEqual(400);
    for (let n = 0; n < 20; n++) expect(handOver(quick)).toBe(true);
    await eventually(() => {
      const toQuick = transport.tries.filter((each) => each.endpoint.id === quick.id);
      for (const each of toQuick) each.end();
      return toQuick.length;
    }).toBe(20);
  });

  test('hands out a place only while it runs', async () => {
    expect(worker.reserve(stage.application, endpoint.id)).toBe(false);
    worker.start();
    expect(worker.reserve(stage.application, endpoint.id)).toBe(true);
    worker.release(stage.application, endpoint.id);
    await worker.stop();
    expect(worker.reserve(stage.application, endpoint.id)).toBe(false);
  });

  test('takes places back: more go through it than it holds at a time', async () => {
    transport.answer = () => response(200);
    for (let n = 0; n < 3; n++) await send(500);
    worker.start();
    const left = () => stage.sql<{ n: number }>("select count(*)::integer as n from delivery where status <> 'SENT'");
    await eventually(left).toEqual([{ n: 0 }]);
    expect(new Set(transport.tries.map((each) => each.delivery.id)).size).toBe(transport.tries.length);
  });

  test.each([
    ['gone', null, 'endpoint_deleted'],
    ['disabled', 'disabled', 'endpoint_disabled'],
  ] as const)('ends what is for an endpoint that is %s, without a try', async (_, status, error) => {
    if (status) endpoints.set(endpoint.id, { ...endpoint, status });
    else endpoints.clear();
    await send(1);
    worker.start();
    await eventually(statuses).toEqual(['FAILED']);
    expect(await rows()).toMatchObject([{ last_error: error, attempt_count: 0, due_at: null }]);
    expect(transport.tries).toEqual([]);
  });

  test('holds what is for a paused endpoint, and spends no attempt', async () => {
    endpoints.set(endpoint.id, { ...endpoint, status: 'paused' });
    await send(1);
    worker.start();
    await eventually(async () => (await rows()).map(({ lease, status }) => [lease, status])).toEqual([[1, 'PENDING']]);
    expect(await rows()).toMatchObject([{ attempt_count: 0, last_error: null }]);
    expect(transport.tries).toEqual([]);
  });

  test('gives a lease back unspent where the process was frozen since it began, and claims anew', async () => {
    await send(1);
    const [leased] = await claimDue(stage.db, 1);
    if (!leased) throw new Error('nothing is due');
    worker.start();
    expect(worker.reserve(stage.application, endpoint.id)).toBe(true);
    worker.deliver(leased, performance.now() - 6_000);
    await eventually(() => transport.tries.length).toBe(1);
    expect(transport.tries[0]?.delivery).toMatchObject({ id: leased.id, lease: 2, attemptCount: 0 });
  });

  test('that was frozen does not hold it against the endpoints: deadlines that rang late open no circuit', async () => {
    const circuit = () =>
      stage.sql<{ circuit: string }>('select circuit from lane where endpoint_id = $1', [endpoint.id]);
    const timedOut = (durationMs: number) => ({
      ...response(0),
      durationMs,
      answer: { kind: 'error', code: 'timeout', message: 'no response in time' } as const,
    });
    transport.answer = () => timedOut(endpoint.timeoutSeconds * 1000 + 12_000);
    await send(15);
    worker.start();
    await eventually(async () => (await rows()).filter((row) => row.attempt_count === 1).length).toBe(15);
    expect(await circuit()).toEqual([{ circuit: 'closed' }]);
    transport.answer = () => timedOut(endpoint.timeoutSeconds * 1000 + 3);
    await send(15);
    worker.wake();
    await eventually(circuit).toEqual([{ circuit: 'open' }]);
  });

  test('switches an endpoint off that is gone, and says why', async () => {
    const disabled: DisabledReason[] = [];
    const disable = async (_: Endpoint, reason: DisabledReason) => void disabled.push(reason);
    worker = createWorker(stage.db, { endpoints: endpointsFrom(endpoints), disable }, transport);
    transport.answer = () => response(410);
    await send(1);
    worker.start();
    await eventually(statuses).toEqual(['FAILED']);
    expect(disabled).toEqual(['gone']);
  });

  test('goes on claiming once a database that was away is back', async () => {
    let failures = 2;
    const db = flaky(stage.db, (name) => name === 'lane_next_ready' && failures-- > 0);
    worker = createWorker(db, { endpoints: endpointsFrom(endpoints) }, transport);
    transport.answer = () => response(200);
    await send(1);
    worker.start();
    worker.wake();
    await eventually(statuses).toEqual(['SENT']);
  });
});
