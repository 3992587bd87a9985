import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAILING_RULE } from '../../src/core/failing.ts';
import { deliveryRange, firstIdAt, newDeliveryId, newId, type Uuid } from '../../src/core/ids.ts';
import { monthsFrom } from '../../src/core/month.ts';
import { newTally } from '../../src/core/tally.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { noteKeyUses } from '../../src/store/api-key.ts';
import { listApplications, pageApplications } from '../../src/store/application.ts';
import { listAttempts, pageAttempts } from '../../src/store/attempt.ts';
import { expireAuditEntries, listAuditEntries } from '../../src/store/audit.ts';
import { countUnderWay, readBacklog } from '../../src/store/backlog.ts';
import {
  type Database,
  openDatabase,
  type Queryable,
  type Statement,
  statement,
  type Transactional,
} from '../../src/store/database.ts';
import { deliveriesOf, listDeliveries, readDelivery, readHold } from '../../src/store/delivery.ts';
import { findDirectEndpoint, readDirectEndpoint } from '../../src/store/direct-endpoint.ts';
import { endpointsOf, listEndpoints, pageEndpoints } from '../../src/store/endpoint.ts';
import { eventTypesNamed, listEventTypes, readSchema } from '../../src/store/event-type.ts';
import { failingFor, forgetFailing, noteFailing } from '../../src/store/failing.ts';
import { isJobOpen, lockOpenJob } from '../../src/store/job.ts';
import { letLanesGo, lockReadyLanes, msUntilReady, takeTurns } from '../../src/store/lane.ts';
import { putLanesRight } from '../../src/store/lane-clock.ts';
import { type LeasedDelivery, recordAttempts, releaseLeases, takeOverLeases } from '../../src/store/lease.ts';
import { freeLeases, lookAtLeases, moveWatch } from '../../src/store/lease-watch.ts';
import {
  listMessages,
  readMessage,
  readMessageByEventId,
  readMessages,
  readPayloads,
} from '../../src/store/message.ts';
import { DAY_MS, ensurePartitions } from '../../src/store/partition.ts';
import { endPortalSessions, expirePortal, findPortalSession, takePortalLink } from '../../src/store/portal.ts';
import { countReplay, type ReplayFilter, type ReplayRange, replayChunk } from '../../src/store/replay.ts';
import { countPortalRequests, countRequests } from '../../src/store/request-count.ts';
import { oldMessages } from '../../src/store/retention.ts';
import { listRoutes, readRoute } from '../../src/store/route.ts';
import { listOffers, offeredTypes, readSubscriptions, subscribedTypes } from '../../src/store/subscription.ts';
import { addTallies, expireTallies, readLastTimes, readTallies, rollMinutes } from '../../src/store/tally.ts';
import { ensureTenancy } from '../../src/store/tenancy.ts';
import { tenantOf } from '../../src/store/tenant.ts';
import { chargeUsage, expireUsage, readUsage, refundUsage } from '../../src/store/usage.ts';
import { costOf, statementOf } from './explain.ts';
import { message, openStage, result, type Stage } from './stage.ts';

const YEAR = monthsFrom('2026-01', '2026-12');

const NOBODY = { endpoints: [], applications: [] };
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
    ...{
      environmentId: sent,
      applicationId: app,
      attemptCount: 0,
      lease: 1,
      payload: '{}',
      eventId: null,
      headers: null,
    },
    ...{ isProbe: false, isCounted: false },
  };

  const rising = { ...page, before: null, isAscending: true };
  const owner = () => ({ environmentId: env(), applicationId: app });
  const ids = Array.from({ length: 20 }, () => newId());

  const subject = { id: shop, environmentId: sent, applicationId: app };
  const used = { applicationId: app, environmentId: sent, messages: 1, sent: 0, failed: 0 };
  const turn = {
    ...{ isMetered: false, count: 64, isProbe: false, places: null, isFifo: false, headId: null },
    ...{ holdMs: 0, heldBy: null, tokens: 0 },
  };

  const STRETCH = { start: '2026-01-01', end: '2026-01-02', settled_until: '2026-01-02' };

  const env = () => small;
  const range = (filter: Partial<ReplayFilter>): ReplayRange => ({
    ...{ environmentId: env(), filter: { statuses: ['FAILED'], ...filter }, asOf: new Date().toISOString() },
    ...{ after: firstIdAt(0), last: page.before },
  });
  const HOT: [string, number, (db: Queryable) => Promise<unknown>][] = [
    ['the lanes whose turn it is', 100, (db) => lockReadyLanes(db, 32, NOBODY)],
    ['the next ready lane', 10, (db) => msUntilReady(db, ids)],
    ['a turn of 64', 400, (db) => takeTurns(db, [{ ...turn, endpointId: shop }])],
    ['the lanes of an application that is deleted', 10, (db) => letLanesGo(db, ids)],
    ['lanes that are ahead of the clock', 100, (db) => putLanesRight(db, 1_000)],
    ['a look at leases', 10, (db) => lookAtLeases(db, 0, STRETCH.start).catch(() => {})],
    ['a rescue of 1,000', 10, (db) => freeLeases(db, STRETCH, 1_000)],
    ['the end of a rescue', 10, (db) => moveWatch(db, STRETCH)],
    ['a lease that is taken over', 10, (db) => takeOverLeases(db, [leased])],
    ['a lease that is given back', 10, (db) => releaseLeases(db, [{ delivery: leased, delayMs: 0, error: null }])],
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
    ['… of an event type', 50, (db) => listDeliveries(db, { environmentId: env(), eventType: 'a' }, page)],
    ['… by application and channel', 80, (db) => listDeliveries(db, { ...owner(), channel: 'c' }, page)],
    ['… failed', 40, (db) => listDeliveries(db, { environmentId: env(), status: 'FAILED' }, page)],
    ['the next job', 10, (db) => lockOpenJob(db)],
    ['whether there is a job', 10, (db) => isJobOpen(db)],
    ['a chunk of a replay', 100, (db) => replayChunk(db, range({}), 500)],
    ['a replay of an application', 100, (db) => replayChunk(db, range({ applicationId: app }), 500)],
    ['a replay of an endpoint', 100, (db) => replayChunk(db, range({ endpointId: shop }), 500)],
    [
      'a replay of an endpoint, sent too',
      100,
      (db) => replayChunk(db, range({ statuses: ['SENT'], endpointId: shop }), 500),
    ],
    ['a count for a replay', 40, (db) => countReplay(db, range({ statuses: ['SENT'] }), 500)],
    [
      'a count for a replay of an application',
      40,
      (db) => countReplay(db, range({ statuses: ['SENT'], applicationId: app }), 500),
    ],
    ['a count for a replay of what failed', 40, (db) => countReplay(db, range({ eventType: 'a' }), 500)],
    [
      'a deep page of applications',
      40,
      (db) => listApplications(db, env(), { ...page, before: deliveryRange(sent)[0] }),
    ],
    ['an endpoint’s statistics of an hour', 70, (db) => readTallies(db, env(), null, shop, Date.now() - 3_600_000)],
    ['when it last went well', 900, (db) => readLastTimes(db, env(), shop)],
    ['what waits for an endpoint', 40, (db) => readBacklog(db, env(), shop)],
    ['a second’s statistics', 10, (db) => addTallies(db, [{ subject, tally: { ...newTally(), sent: 1 } }])],
    ['a charge', 10, (db) => chargeUsage(db, [used], null)],
    ['a charge that is taken back', 10, (db) => refundUsage(db, [{ ...used, month: '2026-11' }])],
    ['what was used in a year', 40, (db) => readUsage(db, env(), app, YEAR)],
    ['the usage that is over', 10, (db) => expireUsage(db, 37, 1_000)],
    ['a request of a limited key', 10, (db) => countRequests(db, [{ id: shop, requests: 1 }], null)],
    ['a request of a portal', 10, (db) => countPortalRequests(db, [{ id: app, requests: 1 }], null)],
    ['when a key was last used', 10, (db) => noteKeyUses(db, [{ id: shop, at: new Date() }])],
    ['the minutes that become hours', 10, (db) => rollMinutes(db, 1_000)],
    ['the hours that are over', 10, (db) => expireTallies(db, 31, 1_000)],
    ['a failure', 10, (db) => noteFailing(db, [{ ...subject, failures: 1 }], FAILING_RULE)],
    ['a success', 10, (db) => forgetFailing(db, [shop])],
    ['the endpoints that only fail', 10, (db) => failingFor(db, FAILING_RULE, 100)],
    ['20 messages past retention', 200, (db) => oldMessages(db, env(), firstIdAt(0), Date.now() + DAY_MS, 20)],
    ['a page of endpoints', 40, (db) => listEndpoints(db, stage.environment, stage.application, page)],
    ['a page of endpoints, either way', 40, (db) => pageEndpoints(db, stage.environment, stage.application, page)],
    ['a page of direct endpoints', 40, (db) => listEndpoints(db, stage.environment, stage.application, page, true)],
    ['an application’s endpoints', 10, (db) => endpointsOf(db, stage.environment, stage.application)],
    [
      'a direct endpoint by its URL',
      10,
      (db) => findDirectEndpoint(db, stage.environment, stage.application, 'https://a.test/1'),
    ],
    ['a direct endpoint', 10, (db) => readDirectEndpoint(db, stage.environment, stage.application, shop)],
    ['a route', 10, (db) => readRoute(db, stage.environment, 'a.1')],
    ['a page of routes', 100, (db) => listRoutes(db, stage.environment, page)],
    [
      'what an application has said to 3 event types',
      10,
      (db) => readSubscriptions(db, stage.environment, stage.application, ['a.1', 'a.2', 'b']),
    ],
    [
      'a page of what there is to subscribe to',
      100,
      (db) => listOffers(db, stage.environment, stage.application, { after: 'a.3', limit: 21, offset: 0 }),
    ],
    ['what of 3 event types is offered', 10, (db) => offeredTypes(db, stage.environment, ['a.1', 'a.2', 'b'])],
    ['what an application wants', 10, (db) => subscribedTypes(db, stage.environment, app)],
    [
      'a page of event types',
      60,
      (db) => listEventTypes(db, { environmentId: env(), isArchivedIncluded: false }, page),
    ],
    ['an event type', 10, (db) => eventTypesNamed(db, env(), ['name.7'])],
    ['the schema of an event type', 10, (db) => readSchema(db, env(), shop, 1)],
    ['a page of the audit log', 40, (db) => listAuditEntries(db, { environmentId: env(), action: undefined }, page)],
    ['audit entries past their time', 10, (db) => expireAuditEntries(db, firstIdAt(0), 100)],
    ['a page of applications, oldest first', 40, (db) => pageApplications(db, env(), rising)],
    ['a page of messages, oldest first', 40, (db) => listMessages(db, { environmentId: env() }, rising)],
    ['a message by the producer’s own id of it', 40, (db) => readMessageByEventId(db, env(), app, 'evt-1')],
    ['a message or 20, by id', 90, (db) => readMessages(db, env(), ids)],
    ['a message’s payload, or 20', 90, (db) => readPayloads(db, env(), ids)],
    ['a page of an endpoint’s attempts', 200, (db) => pageAttempts(db, { ...owner(), endpointId: shop }, page, null)],
    ['… of a message’s', 40, (db) => pageAttempts(db, { ...owner(), messageId: sent }, page, null)],
    ['what is on its way to an endpoint', 40, (db) => countUnderWay(db, env(), shop)],
    ['a portal session', 10, (db) => findPortalSession(db, Buffer.alloc(32))],
    ['a link into the portal that is used', 10, (db) => takePortalLink(db, Buffer.alloc(32))],
    ['the portal sessions of an application that are ended', 10, (db) => endPortalSessions(db, env(), app)],
    ['the portal sessions that are over', 10, (db) => expirePortal(db, 1_000)],
  ];

  /** These put the few lanes they touch in the order in which lanes are locked, or find the last of what they saw. */
  const SORTS_A_FEW =
    /^(a rescue of 1,000|a result|a lease that is given back|a turn of 64|a page of what there is to subscribe to)$|replay/;
  /** And these the rows that they add to. */
  const LOCKS_ROWS = new Set(['a second’s statistics', 'a failure', 'a success']);

  /** And these are what callers ask for: they run with row-level security in them as well. */
  const OF_CALLERS = /^(a delivery|what|a message|an attempt|a page|…|a count|a deep|an endpoint|when)/;

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
    // The small tenant: 30 messages, sent before the flood, to its one endpoint.
    const few = Array.from({ length: 30 }, () =>
      message({ environment: small, application: app }, [{ endpointId: shop }]),
    );
    await insertMessages(stage.db, few);
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
    // Each of them once had a lease.
    await stage.sql("update delivery set leased_until = '2025-12-31'");
    // 200 endpoints counted for a month, the small tenant's among them; 2,000 that fail, and began to yesterday.
    await stage.sql(
      `insert into tally (subject_id, at, width, environment_id, application_id, accepted, sent, failed, timeout,
         connection, http_4xx, http_5xx, other, latency)
       select case n when 1 then $2::uuid else gen_random_uuid() end, now() - hour * interval '1 hour', 60, $1, $3, 1, 1,
         0, 0, 0, 0, 0, 0, '{1}'
       from generate_series(1, 200) n, generate_series(1, 100) hour`,
      [small, shop, app],
    );
    await stage.sql(
      `insert into failing_endpoint (endpoint_id, environment_id, application_id, since, last_at, failures)
       select gen_random_uuid(), $1, $2, now() - interval '1 day', now(), 100 from generate_series(1, 2000)`,
      [small, app],
    );
    // An application with 2,000 direct endpoints among its 3 others, 500 routes of 2, and what it said to 2,000 types.
    await stage.sql(
      `insert into endpoint (id, environment_id, application_id, type, url, events, secret, retry_policy,
         timeout_seconds, status, is_direct, url_hash)
       select gen_random_uuid(), $1, $2, 'webhook', 'https://a.test/' || n, '{*}', '', '"default"', 30, 'active', n > 3,
         case when n > 3 then sha256(convert_to($2::uuid::text || 'https://a.test/' || n, 'UTF8')) end
       from generate_series(1, 2003) n`,
      [big, stage.application],
    );
    await stage.sql(
      `with routes as (
         insert into route (id, environment_id, event_type) select gen_random_uuid(), $1, 'a.' || n
         from generate_series(1, 500) n returning id)
       insert into route_endpoint (route_id, endpoint_id, environment_id)
       select routes.id, e.id, $1 from routes, (select id from endpoint where application_id = $2 limit 2) e`,
      [big, stage.application],
    );
    await stage.sql(
      `insert into subscription (environment_id, application_id, event_type, is_subscribed, version)
       select $1, $2, 'a.' || n, true, 1 from generate_series(1, 2000) n`,
      [big, stage.application],
    );
    await stage.sql(
      `insert into event_type (id, environment_id, name, size) select gen_random_uuid(), $1, 'a.' || n, 0
       from generate_series(1, 4000) n`,
      [big],
    );
    await stage.sql(
      `insert into usage (application_id, month, environment_id, messages, deliveries_sent, deliveries_failed)
       select gen_random_uuid(), date '2026-01-01' + month * interval '1 month', $1, 1, 1, 0
       from generate_series(1, 500) n, generate_series(0, 11) month`,
      [small],
    );
    await stage.sql(
      `insert into api_key (id, environment_id, name, scope, digest, last4)
       select gen_random_uuid(), $1, 'k', 'read', decode(md5(n::text), 'hex'), 'abcd' from generate_series(1, 2000) n`,
      [small],
    );
    await stage.sql(
      `insert into application (id, environment_id, name) select gen_random_uuid(), $1, 'n' from generate_series(1, 2000)`,
      [small],
    );
    // A catalogue of each of the two.
    await stage.sql(
      `insert into event_type (id, environment_id, name, size, schema_version)
       select gen_random_uuid(), e, 'name.' || n, 0, 1 from unnest($1::uuid[]) e, generate_series(1, 1000) n`,
      [[small, big]],
    );
    await stage.sql(
      `insert into event_type_schema (event_type_id, version, environment_id, schema)
       select id, 1, environment_id, '{}' from event_type`,
    );
  });
  afterAll(async () => {
    for (const db of open) await db.close();
    await stage.close();
  });

  /** Checks every hot statement on a connection; says all that is wrong at once. */
  async function check(db: Transactional, hot = HOT, prepare = (run: Statement<unknown>) => run): Promise<void> {
    const wrong: string[] = [];
    for (const [name, atMost, work] of hot) {
      const [run, values] = await statementOf(work);
      const { nodes, rows } = await costOf(db, [prepare(run), values]);
      for (const node of ['Seq Scan', 'Sort', 'Incremental Sort', 'Hash Join', 'Merge Join', 'Materialize']) {
        if (nodes.has(node) && !(node === 'Sort' && (SORTS_A_FEW.test(name) || LOCKS_ROWS.has(name))))
          wrong.push(`${name}: ${node}`);
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

  test('so do plans with row-level security in them', async () => {
    expect(await ensureTenancy(stage.db)).toBeNull();
    const callers = HOT.filter(([name]) => OF_CALLERS.test(name));
    expect(callers.length).toBeGreaterThan(15);
    await check(tenantOf(await fresh(), small), callers, ({ text }) => statement('', text));
  });
});
