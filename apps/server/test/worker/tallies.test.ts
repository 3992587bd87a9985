import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { FAILING_RULE } from '../../src/core/failing.ts';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { totalOf } from '../../src/core/statistics-window.ts';
import { Tallies } from '../../src/delivery/tallies.ts';
import { createLog } from '../../src/log.ts';
import { readFailing } from '../../src/store/failing.ts';
import { readTallies } from '../../src/store/tally.ts';
import { readUsage } from '../../src/store/usage.ts';
import { Gate } from '../directory/stage.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { engineEndpoint, eventually, openStage, type Stage } from '../store/stage.ts';
import { response } from './stage.ts';

onBothDatabases('what a process counts', (kind) => {
  let stage: Stage;
  let gate: Gate;
  let tallies: Tallies;
  let endpoint: Endpoint;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    gate = new Gate(stage.db);
    tallies = new Tallies({ db: gate, log: createLog('silent'), rule: FAILING_RULE });
    endpoint = engineEndpoint(await stage.addEndpoint());
  });
  afterEach(() => tallies.stop());
  afterAll(() => stage.close());

  const read = async (subject: Uuid) => totalOf(await readTallies(stage.db, stage.environment, null, subject, 0));
  const failures = async () => (await readFailing(stage.db, stage.environment, endpoint.id))?.failures;
  const succeed = () => tallies.attempted(endpoint, response(200), 'SENT');
  const fail = () => tallies.attempted(endpoint, response(500), 'PENDING');

  test('is written by itself, and costs no statement per delivery', async () => {
    for (let n = 0; n < 1_000; n++) {
      tallies.accepted(endpoint.environmentId, endpoint.applicationId, endpoint.id);
      succeed();
    }
    expect(gate.seen).toEqual([]);
    tallies.start();
    await eventually(() => read(endpoint.id)).toMatchObject({ accepted: 1_000, sent: 1_000 });
    expect(gate.seen.filter((name) => name === 'tally_add')).toHaveLength(1);
    fail();
    await eventually(() => read(endpoint.id)).toMatchObject({ sent: 1_000, failures: { http_5xx: 1 } });
  });

  test('is counted for the endpoint, its application and its environment', async () => {
    const application = newId();
    const others = [newId(), newId()].map((id) => ({ ...endpoint, id, applicationId: application }));
    const environmentBefore = (await read(stage.environment)).sent;
    for (const each of others) tallies.attempted(each, response(200), 'SENT');
    tallies.gaveUp({ ...others[0], environmentId: stage.environment, applicationId: application, endpointId: newId() });
    await tallies.flush();
    for (const { id } of others) expect(await read(id)).toMatchObject({ sent: 1, failed: 0 });
    expect(await read(application)).toMatchObject({ sent: 2, failed: 1 });
    expect((await read(stage.environment)).sent).toBe(environmentBefore + 2);
  });

  test('is added up by application and month: messages, and deliveries that ended', async () => {
    const clock = new TestClock('2026-11-30T23:59:59Z');
    tallies = new Tallies({ db: gate, log: createLog('silent'), rule: FAILING_RULE, now: clock.now });
    const application = newId();
    const to = { ...endpoint, applicationId: application };
    const usage = () => readUsage(stage.db, stage.environment, application, ['2026-11', '2026-12']);
    // One of them reached nobody.
    for (let n = 0; n < 3; n++) tallies.message(stage.environment, application);
    tallies.attempted(to, response(200), 'SENT');
    tallies.attempted({ ...to, id: newId() }, response(500), 'PENDING');
    tallies.attempted({ ...to, id: newId() }, response(500), 'FAILED');
    gate.breakDown();
    await tallies.flush();
    tallies.message(stage.environment, application);
    gate.mend();
    await tallies.flush();
    expect(await usage()).toEqual([{ month: '2026-11', messages: 4, deliveries_sent: 1, deliveries_failed: 1 }]);
    clock.set('2026-12-01T00:00:00Z');
    tallies.message(stage.environment, application);
    await tallies.flush();
    await tallies.flush();
    expect(await usage()).toContainEqual({ month: '2026-12', messages: 1, deliveries_sent: 0, deliveries_failed: 0 });
  });

  test('is written at the end, too', async () => {
    tallies.start();
    succeed();
    await tallies.stop();
    expect(await read(endpoint.id)).toMatchObject({ sent: 1 });
  });

  test('is kept while the database is away, and added to what comes meanwhile', async () => {
    succeed();
    gate.breakDown();
    await tallies.flush();
    fail();
    gate.mend();
    await tallies.flush();
    expect(await read(endpoint.id)).toMatchObject({ sent: 1, failures: { http_5xx: 1 } });
    expect(await failures()).toBe(1);
  });

  test('is written early where very many endpoints are counted', async () => {
    for (let n = 0; n < 1_000; n++) tallies.attempted({ ...endpoint, id: newId() }, response(200), 'SENT');
    await eventually(() => gate.seen).toContain('tally_add');
  });

  test('tells a run of failures from one that a success ended', async () => {
    fail();
    fail();
    await tallies.flush();
    expect(await failures()).toBe(2);
    fail();
    await tallies.flush();
    expect(await failures()).toBe(3);
    succeed();
    await tallies.flush();
    expect(await failures()).toBeUndefined();
    fail();
    succeed();
    fail();
    fail();
    await tallies.flush();
    // Only what came after the success.
    expect(await failures()).toBe(2);
    fail();
    succeed();
    await tallies.flush();
    expect(await failures()).toBeUndefined();
  });
});
