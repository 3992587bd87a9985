import { randomBytes } from 'node:crypto';
import { generateSecret } from '@postrider/webhook';
import { expect } from 'vitest';
import type { EndingCode } from '../../src/core/attempt-error.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { newDeliveryId, newId, type Uuid } from '../../src/core/ids.ts';
import { STANDARD_SIGNATURE } from '../../src/core/signature.ts';
import { seal, Vault } from '../../src/crypto/vault.ts';
import { claim, type Room } from '../../src/delivery/claim.ts';
import type { NewDelivery, NewMessage } from '../../src/store/acceptance.ts';
import { type ApplicationRow, insertApplication } from '../../src/store/application.ts';
import { type Database, openDatabase, type Queryable, statement } from '../../src/store/database.ts';
import { type EndpointRow, type EndpointSettings, insertEndpoint } from '../../src/store/endpoint.ts';
import { insertEnvironment } from '../../src/store/environment.ts';
import { type AttemptResult, type LeasedDelivery, releaseLeases } from '../../src/store/lease.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertOrganization } from '../../src/store/organization.ts';
import { DAY_MS, ensurePartitions } from '../../src/store/partition.ts';
import { createTestDatabase, type DatabaseKind, type TestDatabase } from '../kit/database.ts';

/** A migrated database with one environment, one application and no deliveries. */
export interface Stage {
  readonly db: Database;
  readonly database: TestDatabase;
  readonly vault: Vault;
  readonly environment: Uuid;
  readonly application: Uuid;
  /** Rows of any SQL. */
  sql<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  addEnvironment(): Promise<Uuid>;
  addApplication(row?: Partial<ApplicationRow>): Promise<ApplicationRow>;
  addEndpoint(row?: Partial<EndpointSettings>): Promise<EndpointRow>;
  /** Forgets all messages, deliveries and attempts. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openStage(kind: DatabaseKind): Promise<Stage> {
  const database = await createTestDatabase(kind);
  const db = await openDatabase(database.target, () => {});
  const vault = new Vault(randomBytes(32));
  await migrate(db);
  await ensurePartitions(db, Date.now() - DAY_MS, Date.now() + DAY_MS);
  const dataKeys = new Map<Uuid, ReturnType<Vault['newDataKey']>['dataKey']>();

  const addEnvironment = async () => {
    const id = newId();
    const { dataKey, wrapped } = vault.newDataKey(id);
    dataKeys.set(id, dataKey);
    await insertOrganization(db, { id, name: id });
    await insertEnvironment(db, { id, organization_id: id, name: id, mode: 'test', data_key: wrapped });
    return id;
  };
  const environment = await addEnvironment();
  const addApplication = async (row: Partial<ApplicationRow> = {}) => {
    const plain = { id: newId(), environment_id: environment, uid: null, name: 'App', metadata: {}, is_default: false };
    const stored = await insertApplication(db, { ...plain, ...row });
    if (!stored) throw new Error('the application is there already');
    return stored;
  };
  const application = (await addApplication()).id;
  return {
    db,
    database,
    vault,
    environment,
    application,
    sql: (text, values = []) => db.query(statement('', text), values),
    addEnvironment,
    addApplication,
    async addEndpoint(row = {}) {
      const id = row.id ?? newId();
      const dataKey = dataKeys.get(row.environment_id ?? environment);
      if (!dataKey) throw new Error('no such environment');
      return insertEndpoint(db, {
        environment_id: environment,
        application_id: application,
        type: 'webhook',
        url: 'https://example.test/hook',
        config: null,
        events: ['*'],
        channels: null,
        description: '',
        metadata: {},
        headers: null,
        secret: seal(dataKey, id, 'endpoint_secret', generateSecret()),
        retry_policy: 'default',
        timeout_seconds: 30,
        rate_limit: null,
        max_in_flight: null,
        ordering: 'none',
        uid: null,
        body_format: null,
        signature: null,
        old_secrets: null,
        status: 'active',
        disabled_reason: null,
        ...row,
        id,
      });
    },
    clear: () => db.script('delete from message; delete from delivery; delete from attempt; delete from lane'),
    async close() {
      await db.close();
      await database.drop();
    },
  };
}

/** A message of the stage's application with as many deliveries, due now. */
export function message(
  stage: Pick<Stage, 'environment' | 'application'>,
  deliveries: number | readonly Partial<NewDelivery>[] = 1,
  of: Partial<NewMessage> = {},
): NewMessage {
  const id = of.id ?? newId();
  const each = typeof deliveries === 'number' ? Array.from({ length: deliveries }, () => ({})) : deliveries;
  return {
    environmentId: stage.environment,
    applicationId: stage.application,
    eventType: 'invoice.paid',
    eventId: null,
    payload: '{}',
    headers: null,
    channels: null,
    matching: '[]',
    ...of,
    id,
    deliveries: each.map((delivery) => ({
      id: newDeliveryId(id),
      endpointId: newId(),
      trigger: 'scheduled',
      status: 'PENDING',
      dueInMs: 0,
      ...delivery,
    })),
  };
}

/** How an attempt of a leased delivery went: SENT with 200, unless said otherwise. */
export function result(delivery: LeasedDelivery, of: Partial<AttemptResult> = {}): AttemptResult {
  return {
    delivery,
    number: delivery.attemptCount + 1,
    status: 'SENT',
    delayMs: null,
    url: 'https://example.test/hook',
    requestHeaders: '{}',
    responseStatus: 200,
    responseHeaders: '{}',
    responseBody: 'ok',
    errorCode: null,
    errorMessage: null,
    durationMs: 12,
    timings: '{"dns":null,"connect":1,"tls":null,"first_byte":2}',
    startedAt: new Date(),
    ...of,
  };
}

/** A stage's endpoint as the engine has it. */
export function engineEndpoint(row: EndpointRow): Endpoint {
  return {
    ...{ id: row.id, environmentId: row.environment_id, applicationId: row.application_id, type: row.type },
    ...{
      url: row.url,
      config: null,
      isDirect: row.is_direct,
      events: row.events,
      channels: row.channels,
      description: '',
      metadata: {},
      headers: {},
    },
    ...{ uid: null, bodyFormat: 'raw', signature: STANDARD_SIGNATURE, own: { bodyFormat: null, signature: null } },
    ...{ isReadable: true, secret: '', signingKey: new Uint8Array(32), oldSecrets: [], retryPolicy: row.retry_policy },
    ...{ timeoutSeconds: row.timeout_seconds, status: row.status, disabledReason: row.disabled_reason },
    ...{ rateLimit: row.rate_limit, maxInFlight: row.max_in_flight, ordering: row.ordering },
    circuit: { state: 'closed', openedAt: null, nextProbeAt: null, openings: 0 },
    ...{ createdAt: row.created_at, updatedAt: row.updated_at },
  };
}

/** Waits until something reads as expected; the time, in ms, is for a busy machine, and only spent where it fails. */
export function eventually<T>(read: () => T, timeout = 10_000) {
  return expect.poll(read, { timeout, interval: 20 });
}

// Deliveries here are mostly of endpoints that were never made, so nobody has woken their lanes.
const WAKE_ALL = statement(
  '',
  `insert into lane (endpoint_id, next_at)
   select endpoint_id, min(due_at) from delivery where status = 'PENDING' group by endpoint_id
   on conflict (endpoint_id) do update set next_at = excluded.next_at`,
);

/** Room for so many deliveries, whosever they are, but for these endpoints. */
export function roomFor(free: number, endpoints: readonly Uuid[] = []): Room {
  return { free, full: { endpoints, applications: [] }, allot: (lanes, most) => lanes.map(() => most), mayWalk: true };
}

/** One claim with room for so many, every lane that has something waiting awake. */
export async function claimDue(db: Database, limit: number, except: readonly Uuid[] = []): Promise<LeasedDelivery[]> {
  await db.query(WAKE_ALL, []);
  return (await claim(db, roomFor(limit, except))).deliveries;
}

export function giveBackLease(db: Queryable, delivery: LeasedDelivery, delayMs: number): Promise<void> {
  return releaseLeases(db, [{ delivery, delayMs, error: null }]);
}

export function failUntried(db: Queryable, delivery: LeasedDelivery, error: EndingCode): Promise<void> {
  return releaseLeases(db, [{ delivery, delayMs: 0, error }]);
}
