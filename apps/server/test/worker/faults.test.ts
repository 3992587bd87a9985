import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { FAILING_RULE } from '../../src/core/failing.ts';
import type { Uuid } from '../../src/core/ids.ts';
import { Tallies } from '../../src/delivery/tallies.ts';
import type { EndpointSource, Worker } from '../../src/delivery/worker.ts';
import { createLog } from '../../src/log.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import type { DeliveryRow } from '../../src/store/delivery.ts';
import { readFailing } from '../../src/store/failing.ts';
import { onBothDatabases } from '../kit/database.ts';
import { engineEndpoint, eventually, message, openStage, type Stage } from '../store/stage.ts';
import { createWorker, endpointsFrom, FakeTransport, flaky, response } from './stage.ts';

onBothDatabases('a fault of our own', (kind) => {
  let stage: Stage;
  let endpoint: Endpoint;
  let endpoints: Map<Uuid, Endpoint>;
  let transport: FakeTransport;
  let worker: Worker | null;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    endpoint = engineEndpoint(await stage.addEndpoint({ retry_policy: [60] }));
    endpoints = new Map([[endpoint.id, endpoint]]);
    transport = new FakeTransport();
    transport.answer = () => response(200);
    worker = null;
  });
  afterEach(() => worker?.stop());
  afterAll(() => stage.close());

  const send = async (to = endpoint.id) => {
    const sent = message(stage, [{ endpointId: to }]);
    await insertMessages(stage.db, [sent]);
    return sent.deliveries[0]?.id;
  };
  const work = (of: Partial<Parameters<typeof createWorker>[1]> = {}) => {
    worker = createWorker(stage.db, { endpoints: endpointsFrom(endpoints), ...of }, transport);
    worker.start();
  };
  const rows = () => stage.sql<DeliveryRow>('select * from delivery order by id');
  const states = async () =>
    (await rows()).map(({ status, attempt_count, last_error }) => `${status} ${attempt_count} ${last_error}`);
  const dueNow = () =>
    stage.sql(
      `with due as (update delivery set due_at = now() where status = 'PENDING') update lane set next_at = now()`,
    );
  const attempts = () =>
    stage.sql<object>('select number, error_code, error_message, response_status, url from attempt order by number');

  test('in sending counts as a failed attempt, on the schedule of the endpoint, and ends like any other', async () => {
    transport.answer = () => new Error('a bug, and whsec_in_its_message');
    await send();
    work();
    await eventually(states).toEqual(['PENDING 1 internal_error']);
    const [row] = await rows();
    expect((row?.due_at?.getTime() ?? 0) - Date.now()).toBeGreaterThan(30_000);
    await dueNow();
    worker?.wake();
    await eventually(states).toEqual(['FAILED 2 internal_error']);
    expect(transport.tries).toHaveLength(2);
    const expected = { error_code: 'internal_error', response_status: null, url: endpoint.url };
    expect(await attempts()).toMatchObject([
      { number: 1, ...expected },
      { number: 2, ...expected },
    ]);
    expect(JSON.stringify(await attempts())).not.toContain('whsec');
  });

  test('in finding out about the endpoint counts too, on the default schedule', async () => {
    const broken: EndpointSource = {
      known: () => undefined,
      endpoint: async (_environment, _application, id) => {
        if (id === endpoint.id) throw new TypeError('not what it was');
        return endpoints.get(id) ?? null;
      },
    };
    const other = engineEndpoint(await stage.addEndpoint());
    endpoints.set(other.id, other);
    await send();
    await send(other.id);
    work({ endpoints: broken });
    await eventually(states).toEqual(['PENDING 1 internal_error', 'SENT 1 null']);
  });

  test('is not what a database is that is away: that spends no attempt', async () => {
    const away: EndpointSource = {
      known: () => undefined,
      endpoint: async () => {
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      },
    };
    await send();
    work({ endpoints: away });
    await eventually(states).toEqual(['SENDING 0 null']);
    await worker?.stop();
    expect(await states()).toEqual(['SENDING 0 null']);
  });

  test('in recording is recorded instead of the result that could not be', async () => {
    const answer = response(500);
    transport.answer = () => ({ ...answer, timings: { ...answer.timings, first_byte: 1n as unknown as number } });
    await send();
    work();
    await eventually(states).toEqual(['PENDING 1 internal_error']);
    // Refused by the database itself: no integer is this large.
    transport.answer = () => ({ ...answer, durationMs: 1e12 });
    await dueNow();
    worker?.wake();
    await eventually(states).toEqual(['FAILED 2 internal_error']);
  });

  test('is not the endpoint’s: it opens no circuit, and switches nothing off', async () => {
    const disabled: string[] = [];
    const extended = engineEndpoint(await stage.addEndpoint({ retry_policy: 'extended' }));
    endpoints.set(extended.id, extended);
    transport.answer = () => new Error('a bug');
    for (let n = 0; n < 12; n++) await send(extended.id);
    await stage.sql('update delivery set attempt_count = 7');
    const tallies = new Tallies({ db: stage.db, log: createLog('silent'), rule: FAILING_RULE });
    work({ tallies, disable: async (_, reason) => void disabled.push(reason) });
    await eventually(states).toEqual(Array(12).fill('FAILED 8 internal_error'));
    await worker?.stop();
    await tallies.stop();
    expect(disabled).toEqual([]);
    expect(await stage.sql('select circuit from lane where endpoint_id = $1', [extended.id])).toEqual([
      { circuit: 'closed' },
    ]);
    // Nor is it on the way to being switched off as one that does nothing but fail.
    expect(await readFailing(stage.db, stage.environment, extended.id)).toBeUndefined();
  });

  test('at an endpoint whose secret does not open is named, and nothing is sent unsigned', async () => {
    endpoints.set(endpoint.id, { ...endpoint, isReadable: false, secret: '', signingKey: new Uint8Array() });
    await send();
    work();
    await eventually(states).toEqual(['PENDING 1 secret_unreadable']);
    expect(transport.tries).toEqual([]);
  });

  test('leaves no delivery uncounted at an endpoint that counts: it goes back to the lane', async () => {
    endpoints.set(endpoint.id, { ...endpoint, ordering: 'fifo' });
    await send();
    // Claimed while the row says that it has no order.
    work();
    const letGo = () => stage.sql('select status, attempt_count, lease from delivery');
    await eventually(letGo).toEqual([{ status: 'PENDING', attempt_count: 0, lease: 1 }]);
    await stage.sql(`update endpoint set ordering = 'fifo' where id = $1`, [endpoint.id]);
    await dueNow();
    worker?.wake();
    await eventually(states).toEqual(['SENT 1 null']);
    expect(transport.tries).toMatchObject([{ delivery: { isCounted: true } }]);
  });

  test('that even its record meets is left to the end of the lease', async () => {
    const db = flaky(stage.db, () => false);
    const refused = { ...db, query: refusing('lease_record_and_inform', db) };
    transport.answer = () => new Error('a bug');
    await send();
    worker = createWorker(refused, { endpoints: endpointsFrom(endpoints) }, transport);
    worker.start();
    await eventually(() => transport.tries.length).toBe(1);
    await worker.stop();
    expect(await states()).toEqual(['SENDING 0 null']);
  });
});

function refusing(name: string, db: ReturnType<typeof flaky>): typeof db.query {
  return async (statement, values) => {
    if (statement.name === name) throw new Error('a row that no table takes');
    return db.query(statement, values);
  };
}
