import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAILING_RULE } from '../../src/core/failing.ts';
import { firstIdAt, newId, type Uuid } from '../../src/core/ids.ts';
import { newTally } from '../../src/core/tally.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import {
  deleteApiKey,
  insertApiKey,
  listApiKeys,
  lockAdminKeys,
  lockApiKey,
  readApiKey,
  replaceApiKey,
  updateApiKey,
} from '../../src/store/api-key.ts';
import * as application from '../../src/store/application.ts';
import { listAttempts, pageAttempts, readAttempt } from '../../src/store/attempt.ts';
import type { Queryable } from '../../src/store/database.ts';
import * as delivery from '../../src/store/delivery.ts';
import { findDirectEndpoint, insertDirectEndpoint, readDirectEndpoint } from '../../src/store/direct-endpoint.ts';
import * as endpoint from '../../src/store/endpoint.ts';
import * as eventType from '../../src/store/event-type.ts';
import { noteFailing, readFailing } from '../../src/store/failing.ts';
import { claimKeys, fillAnswer, readAnswer } from '../../src/store/idempotency.ts';
import { insertReplayJob, listJobs, readJob } from '../../src/store/job.ts';
import { recordAttempts } from '../../src/store/lease.ts';
import {
  listMessages,
  readMessage,
  readMessageByEventId,
  readMessages,
  readPayloads,
} from '../../src/store/message.ts';
import { replayNow } from '../../src/store/replay.ts';
import * as route from '../../src/store/route.ts';
import {
  listOffers,
  offeredTypes,
  readSubscriptions,
  saveSubscriptions,
  subscribedTypes,
} from '../../src/store/subscription.ts';
import { addTallies, readTallies } from '../../src/store/tally.ts';
import { addUsage, readUsage } from '../../src/store/usage.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, message, openStage, result, type Stage } from './stage.ts';

const KEY = {
  ...({ name: 'k', scope: 'admin', last4: 'abcd', expires_at: null, last_used_at: null, rate_limit: null } as const),
  created_at: new Date(),
};
const PAGE = { limit: 10, offset: 0, before: null, from: null, to: null };

interface Belongings {
  readonly app: application.ApplicationRow;
  readonly ep: endpoint.EndpointRow;
  readonly direct: endpoint.EndpointRow;
  readonly msg: Uuid;
  readonly dlv: Uuid;
  readonly key: Uuid;
  readonly job: Uuid;
  readonly evt: Uuid;
}

/** Everything that reads or changes rows, by what it gives for an environment and another's (or its own) belongings. */
const CALLS: [string, (db: Queryable, env: Uuid, of: Belongings) => Promise<unknown>][] = [
  ['findApplication by id', (db, env, of) => application.findApplication(db, env, { by: 'id', id: of.app.id })],
  ['findApplication by uid', (db, env) => application.findApplication(db, env, { by: 'uid', uid: 'mine' })],
  ['findApplication default', (db, env) => application.findApplication(db, env, { by: 'default' })],
  ['listApplications', (db, env) => application.listApplications(db, env, PAGE)],
  ['updateApplication', (db, env, of) => application.updateApplication(db, { ...of.app, environment_id: env })],
  ['readEndpoint', (db, env, of) => endpoint.readEndpoint(db, env, null, of.ep.id)],
  ['readEndpoint of its application', (db, env, of) => endpoint.readEndpoint(db, env, of.app.id, of.ep.id)],
  ['readEndpointByUid', (db, env, of) => endpoint.readEndpointByUid(db, env, of.app.id, 'mine')],
  ['lockEndpoint', (db, env, of) => endpoint.lockEndpoint(db, env, null, of.ep.id)],
  ['endpointsOf', (db, env, of) => endpoint.endpointsOf(db, env, of.app.id)],
  ['listEndpoints', (db, env, of) => endpoint.listEndpoints(db, env, of.app.id, PAGE)],
  ['updateEndpoint', (db, env, of) => endpoint.updateEndpoint(db, { ...of.ep, environment_id: env })],
  ['findDirectEndpoint', (db, env, of) => findDirectEndpoint(db, env, of.app.id, of.direct.url)],
  ['readDirectEndpoint', (db, env, of) => readDirectEndpoint(db, env, of.app.id, of.direct.id)],
  ['pageEndpoints', (db, env, of) => endpoint.pageEndpoints(db, env, of.app.id, PAGE)],
  ['listEndpoints, direct ones', (db, env, of) => endpoint.listEndpoints(db, env, of.app.id, PAGE, true)],
  ['readRoute', (db, env) => route.readRoute(db, env, 'a')],
  ['listRoutes', (db, env) => route.listRoutes(db, env, PAGE)],
  ['routesOf', async (db, env) => [...(await route.routesOf(db, env))]],
  ['routableEndpoints', async (db, env, of) => [...(await route.routableEndpoints(db, env, of.app.id, [of.ep.id]))]],
  ['subscribedTypes', (db, env, of) => subscribedTypes(db, env, of.app.id)],
  ['lockApplication', (db, env, of) => application.lockApplication(db, env, of.app.id)],
  ['listOffers', (db, env, of) => listOffers(db, env, of.app.id, { after: '', limit: 5, offset: 0 })],
  ['offeredTypes', async (db, env) => [...(await offeredTypes(db, env, ['offered'])).offered]],
  ['readSubscriptions', async (db, env, of) => [...(await readSubscriptions(db, env, of.app.id, ['a']))]],
  ['disableEndpoint', (db, env, of) => endpoint.disableEndpoint(db, env, of.ep.id, 'gone')],
  ['readMessage', (db, env, of) => readMessage(db, env, null, of.msg)],
  ['readMessage of its application', (db, env, of) => readMessage(db, env, of.app.id, of.msg)],
  ['listMessages', async (db, env) => (await listMessages(db, { environmentId: env }, PAGE)).rows],
  [
    'listMessages of an application',
    async (db, env, of) => (await listMessages(db, { environmentId: env, applicationId: of.app.id }, PAGE)).rows,
  ],
  ['readDelivery', (db, env, of) => delivery.readDelivery(db, env, null, of.dlv)],
  ['listDeliveries', async (db, env) => (await delivery.listDeliveries(db, { environmentId: env }, PAGE)).rows],
  [
    'listDeliveries by endpoint',
    async (db, env, of) => (await delivery.listDeliveries(db, { environmentId: env, endpointId: of.ep.id }, PAGE)).rows,
  ],
  [
    'listDeliveries by message',
    async (db, env, of) => (await delivery.listDeliveries(db, { environmentId: env, messageId: of.msg }, PAGE)).rows,
  ],
  [
    'listDeliveries failed',
    async (db, env) => (await delivery.listDeliveries(db, { environmentId: env, status: 'FAILED' }, PAGE)).rows,
  ],
  ['deliveriesOf', (db, env, of) => delivery.deliveriesOf(db, env, of.msg)],
  ['listAttempts', (db, env, of) => listAttempts(db, env, of.dlv, PAGE)],
  ['pageApplications', (db, env) => application.pageApplications(db, env, PAGE)],
  ['pageEndpoints', (db, env, of) => endpoint.pageEndpoints(db, env, of.app.id, PAGE)],
  ['readMessageByEventId', (db, env, of) => readMessageByEventId(db, env, of.app.id, 'mine')],
  ['readMessages', (db, env, of) => readMessages(db, env, [of.msg])],
  ['readPayloads', async (db, env, of) => [...(await readPayloads(db, env, [of.msg]))]],
  ['readAttempt', (db, env, of) => readAttempt(db, env, of.dlv, 1)],
  [
    'pageAttempts',
    async (db, env, of) => (await pageAttempts(db, { environmentId: env, endpointId: of.ep.id }, PAGE, null)).rows,
  ],
  ['eventTypesNamed', (db, env) => eventType.eventTypesNamed(db, env, ['mine'])],
  ['listEventTypes', (db, env) => eventType.listEventTypes(db, { environmentId: env, isArchivedIncluded: true }, PAGE)],
  ['allEventTypes', (db, env) => eventType.allEventTypes(db, env, true)],
  ['eventTypesInForce', (db, env) => eventType.eventTypesInForce(db, env)],
  ['schemaVersions', (db, env, of) => eventType.schemaVersions(db, env, [of.evt])],
  ['readSchema', (db, env, of) => eventType.readSchema(db, env, of.evt, 1)],
  ['listApiKeys', (db, env) => listApiKeys(db, env, PAGE)],
  ['readApiKey', (db, env, of) => readApiKey(db, env, of.key)],
  ['lockApiKey', (db, env, of) => lockApiKey(db, env, of.key)],
  ['lockAdminKeys', (db, env) => lockAdminKeys(db, env, new Date())],
  ['updateApiKey', (db, env, of) => updateApiKey(db, { ...KEY, id: of.key, environment_id: env })],
  [
    'replaceApiKey',
    (db, env, of) => replaceApiKey(db, env, of.key, { digest: randomBytes(32), key: randomBytes(60), last4: 'wxyz' }),
  ],
  ['lockApplication', (db, env, of) => application.lockApplication(db, env, of.app.id)],
  ['readUsage', (db, env, of) => readUsage(db, env, of.app.id, ['2026-11'])],
  ['readJob', (db, env, of) => readJob(db, env, of.job)],
  ['listJobs', (db, env) => listJobs(db, env, PAGE)],
  ['readTallies', (db, env, of) => readTallies(db, env, null, of.ep.id, 0)],
  ['readFailing', (db, env, of) => readFailing(db, env, of.ep.id)],
  ['readAnswer', (db, env) => readAnswer(db, env, 'POST /x', 'key')],
  // What ends things comes last: each row goes when its own environment asks.
  ['retryDelivery', (db, env, of) => delivery.retryDelivery(db, env, null, of.dlv, 'manual')],
  ['deleteRoute', (db, env) => route.deleteRoute(db, env, 'a')],
  ['deleteApiKey', (db, env, of) => deleteApiKey(db, env, of.key)],
  ['deleteEndpoint', (db, env, of) => endpoint.deleteEndpoint(db, env, of.app.id, of.ep.id)],
];

onBothDatabases('another environment’s ids', (kind) => {
  let stage: Stage;
  let other: Uuid;
  let mine: Belongings;

  beforeAll(async () => {
    stage = await openStage(kind);
    other = await stage.addEnvironment();
    const app = await stage.addApplication({ uid: 'mine', is_default: true });
    const ep = await stage.addEndpoint({ application_id: app.id, uid: 'mine' });
    const direct = await insertDirectEndpoint(stage.db, { ...ep, id: newId(), url: 'https://example.com/direct' });
    if (!direct) throw new Error('the direct endpoint is there already');
    const routed = { id: newId(), environmentId: stage.environment, eventType: 'a', endpointIds: [ep.id] };
    await route.putRoute(stage.db, routed);
    await stage.sql(`insert into event_type (id, environment_id, name, size) values ($1, $2, 'offered', 0)`, [
      newId(),
      stage.environment,
    ]);
    const said = new Map([['a', { isSubscribed: true, version: 1 }]]);
    await saveSubscriptions(stage.db, stage.environment, app.id, said);
    const sent = message(stage, [{ endpointId: ep.id }], { applicationId: app.id, eventId: 'mine' });
    await insertMessages(stage.db, [sent]);
    const [leased] = await claimDue(stage.db, 1);
    if (leased) await recordAttempts(stage.db, [result(leased, { status: 'FAILED' })]);
    const key = { id: newId(), environmentId: stage.environment, name: 'k', scope: 'admin', last4: 'abcd' } as const;
    await insertApiKey(stage.db, { ...key, digest: randomBytes(32) });
    const call = { environmentId: stage.environment, scope: 'POST /x', key: 'key', fingerprint: Buffer.alloc(32) };
    await claimKeys(stage.db, [{ ...call, status: 200, body: 'mine' }]);
    const subject = { id: ep.id, environmentId: stage.environment, applicationId: app.id };
    await addTallies(stage.db, [{ subject, tally: { ...newTally(), sent: 1 } }]);
    const usage = { applicationId: app.id, environmentId: stage.environment, messages: 1, sent: 0, failed: 0 };
    await addUsage(stage.db, [usage], new Date('2026-11-21'));
    await noteFailing(stage.db, [{ ...subject, failures: 1 }], FAILING_RULE);
    const evt = newId();
    const named = { id: evt, name: 'mine', description: '', group_name: null, schema_version: 1, example: null };
    await eventType.insertEventTypes(stage.db, stage.environment, [{ ...named, size: 2, isArchived: false }]);
    await eventType.insertSchemas(stage.db, stage.environment, [{ eventTypeId: evt, version: 1, schema: '{}' }]);
    const job = newId();
    const range = { after: firstIdAt(0), last: sent.id, asOf: await replayNow(stage.db) };
    await insertReplayJob(stage.db, job, { environmentId: stage.environment, filter: { statuses: [] }, ...range }, 0);
    mine = { app, ep, direct, msg: sent.id, dlv: leased?.id ?? newId(), key: key.id, job, evt };
  });
  afterAll(() => stage.close());

  test.each(CALLS)('look like nothing to %s', async (_, call) => {
    const foreign = await call(stage.db, other, mine);
    expect([undefined, false, []]).toContainEqual(foreign);
    // The same call works at home, so the emptiness above means something.
    const own = await call(stage.db, stage.environment, mine);
    expect([undefined, false, []]).not.toContainEqual(own);
  });

  test('are not deleted, and their answers are not changed', async () => {
    const theirs = await stage.addApplication();
    expect(await application.deleteApplication(stage.db, other, theirs.id)).toBe(false);
    expect(await application.deleteApplication(stage.db, stage.environment, theirs.id)).toBe(true);
    const call = { environmentId: other, scope: 'POST /x', key: 'key', fingerprint: Buffer.alloc(32) };
    await fillAnswer(stage.db, { ...call, status: 500, body: 'theirs' });
    expect(await readAnswer(stage.db, stage.environment, 'POST /x', 'key')).toMatchObject({
      status: 200,
      body: 'mine',
    });
    // And the same key of another environment is another key.
    expect((await claimKeys(stage.db, [{ ...call, status: 201, body: 'theirs' }])).size).toBe(1);
  });

  test('of another application of the same environment are nothing either', async () => {
    const sibling = (await stage.addApplication()).id;
    expect(await readMessage(stage.db, stage.environment, sibling, mine.msg)).toBeUndefined();
    expect(await delivery.readDelivery(stage.db, stage.environment, sibling, mine.dlv)).toBeUndefined();
    expect(await delivery.retryDelivery(stage.db, stage.environment, sibling, mine.dlv, 'manual')).toBeUndefined();
    const own = await stage.addEndpoint();
    expect(await endpoint.readEndpoint(stage.db, stage.environment, sibling, own.id)).toBeUndefined();
    expect(await endpoint.deleteEndpoint(stage.db, stage.environment, sibling, own.id)).toBe(false);
  });
});
