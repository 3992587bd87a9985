import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveryRange, newDeliveryId, newId, type Uuid } from '../../src/core/ids.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { listApplications } from '../../src/store/application.ts';
import { listAttempts } from '../../src/store/attempt.ts';
import { type Database, openDatabase, type Queryable } from '../../src/store/database.ts';
import { deliveriesOf, listDeliveries, readDelivery, readHold } from '../../src/store/delivery.ts';
import { listEndpoints } from '../../src/store/endpoint.ts';
import { lockReadyLanes, msUntilReady, takeTurns } from '../../src/store/lane.ts';
import { type LeasedDelivery, recordAttempts, rescueExpired } from '../../src/store/lease.ts';
import { listMessages, readMessage } from '../../src/store/message.ts';
import { DAY_MS, ensurePartitions } from '../../src/store/partition.ts';
import { costOf, statementOf } from './explain.ts';
import { message, openStage, result, type Stage } from './stage.ts';

/** One tenant's backlog: 4,000 messages to 5 endpoints each, all due, none sent. */
const BACKLOG = 20_000;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('with 20,000 deliveries due (PostgreSQL)', () => {
  let stage: Stage;
  let small: Uuid;
  let fresh: () => Promise<Database>;
  /** A connection that made its plans while everything was empty, and keeps them. */
  let early: Database;
  const open: Database[] = [];

  const page = { limit: 20, offset: 0, before: 'fffffffe-0000-7000-8000-000000000000' as Uuid, from: null, to: null };
  const [shop, app] = [newId(), newId()];
  const sent = newId();
  const leased: LeasedDelivery = {
    ...{ id: newDeliveryId(sent), messageId: sent, endpointId: shop, eventType: 'a', trigger: 'scheduled' },
    ...{ environmentId: sent, applicationId: app, attemptCount: 0, lease: 1, payload: '{}', headers: null },
    ...{ isProbe: false, isCounted: false },
  };

  const turn = {
    ...{ isMetered: false, count: 64, isProbe: false, places: null, isFifo: false, headId: null },
    ...{ holdMs: 0, heldBy: null, tokens: 0 },
  };

  const env = () => small;
  const HOT: [string, number, (db: Queryable) => Promise<unknown>][] = [
    ['the lanes whose turn it is', 100, (db) => lockReadyLanes(db, 32, [])],
    ['the next ready lane', 10, (db) => msUntilReady(db, [])],
    ['a turn of 64', 400, (db) => takeTurns(db, [{ ...turn, endpointId: shop }])],
    ['a rescue of 1,000', 10, (db) => rescueExpired(db, 1_000)],
    ['a result', 10, (db) => recordAttempts(db, [result(leased)])],
    ['a delivery', 10, (db) => readDelivery(db, env(), null, leased.id)],
    ['what a delivery waits for', 10, (db) => readHold(db, env(), leased.id)],
    ['a message', 10, (db) => readMessage(db, env(), null, sent)],
    ['a message’s deliveries', 10, (db) => deliveriesOf(db, env(), sent)],
    ['an attempt list', 10, (db) => listAttempts(db, env(), leased.id, { ...page, before: null })],
    ['a page of messages', 40, (db) => listMessages(db, { environmentId: env() }, page)],
    ['… by application', 40, (db) => listMessages(db, { environmentId: env(), applicationId: app }, page)],
    ['a page of deliveries', 40, (db) => listDeliveries(db, { environmentId: env() }, page)],
    ['… by application', 40, (db) => listDeliveries(db, { environmentId: env(), applicationId: app }, page)],
    ['… by endpoint', 40, (db) => listDeliveries(db, { environmentId: env(), endpointId: shop }, page)],
    ['… by both', 40, (db) => listDeliveries(db, { environmentId: env(), applicationId: app, endpointId: shop }, page)],
    ['… by message', 10, (db) => listDeliveries(db, { environmentId: env(), messageId: sent }, page)],
    ['… failed', 40, (db) => listDeliveries(db, { environmentId: env(), status: 'FAILED' }, page)],
    [
      'a deep page of applications',
      40,
      (db) => listApplications(db, env(), { ...page, before: deliveryRange(sent)[0] }),
    ],
    ['a page of endpoints', 40, (db) => listEndpoints(db, env(), app, page)],
  ];

  /** These put the few lanes they touch in the order in which lanes are locked. */
  const LOCKS_LANES = new Set(['a rescue of 1,000', 'a result', 'a turn of 64']);

  beforeAll(async () => {
    stage = await openStage('postgresql');
    const { target } = stage.database;
    if (target.kind !== 'postgresql') throw new Error('not PostgreSQL');
    fresh = async () => {
      const db = await openDatabase({ ...target, poolSize: 1 }, () => {});
      open.push(db);
      for (const [, , work] of HOT) await work(db);
      return db;
    };
    // As in production, where a week's partitions are made ahead.
    await ensurePartitions(stage.db, Date.now(), Date.now() + 7 * DAY_MS);
    small = await stage.addEnvironment();
    early = await fresh();
    const [big, others] = [stage.environment, Array.from({ length: 50 }, () => newId())];
    for (let n = 0; n < BACKLOG / 2_500; n++) {
      const batch = Array.from({ length: 500 }, (_, m) => {
        const to = Array.from({ length: 5 }, (__, d) => ({
          endpointId: others[(m * 5 + d) % 50] ?? shop,
          dueInMs: -60_000,
        }));
        return message({ environment: big, application: stage.application }, to);
      });
      await insertMessages(stage.db, batch);
    }
    // The small tenant: 30 messages, sent before the flood, to its one endpoint.
    const few = Array.from({ length: 30 }, () =>
      message({ environment: small, application: app }, [{ endpointId: shop }]),
    );
    await insertMessages(stage.db, few);
    await stage.sql(
      `insert into application (id, environment_id, name) select gen_random_uuid(), $1, 'n' from generate_series(1, 2000)`,
      [small],
    );
  });
  afterAll(async () => {
    for (const db of open) await db.close();
    await stage.close();
  });

  /** Checks every hot statement on a connection; says all that is wrong at once. */
  async function check(db: Database): Promise<void> {
    const wrong: string[] = [];
    for (const [name, atMost, work] of HOT) {
      const { nodes, rows } = await costOf(db, await statementOf(work));
      for (const node of ['Seq Scan', 'Sort', 'Incremental Sort', 'Hash Join', 'Merge Join', 'Materialize']) {
        if (nodes.has(node) && !(node === 'Sort' && LOCKS_LANES.has(name))) wrong.push(`${name}: ${node}`);
      }
      if (rows > atMost) wrong.push(`${name}: looks at ${rows} rows`);
    }
    expect(wrong).toEqual([]);
  }

  test('plans made on empty tables go by an index and look at no more than they give', () => check(early));

  test('so do plans made amid the backlog', async () => check(await fresh()));

  test('so do plans made once the tables are analyzed', async () => {
    await stage.db.script('analyze');
    await check(await fresh());
  });
});
