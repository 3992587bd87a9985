import { registerRoutes } from './api/routes.ts';
import { closeApiServer, createApiServer } from './api/server.ts';
import { KeyUse } from './auth/key-use.ts';
import { PortalSessions } from './auth/portal-sessions.ts';
import { RequestLimiter } from './auth/request-limiter.ts';
import { Backbone } from './backbone/backbone.ts';
import { BackboneHandoff } from './backbone/handoff.ts';
import { BackboneIntake } from './backbone/intake.ts';
import { bootstrap } from './bootstrap.ts';
import { checkBroker } from './brokers/check.ts';
import { Publishers } from './brokers/publishers.ts';
import { openToReceive } from './brokers/receive.ts';
import { type Config, databaseTarget, type MasterKeys } from './config.ts';
import { BROKER_TYPES, type BrokerType } from './core/broker/all.ts';
import type { DisabledReason, EndpointRef } from './core/endpoint.ts';
import { FAILING_RULE } from './core/failing.ts';
import { newId, publicId, type Uuid } from './core/ids.ts';
import { SealOfOrigin } from './crypto/seal-of-origin.ts';
import { Vault } from './crypto/vault.ts';
import { BrokerTransport } from './delivery/broker-transport.ts';
import { Circuits } from './delivery/circuits.ts';
import { Recorder } from './delivery/recorder.ts';
import { Tallies } from './delivery/tallies.ts';
import type { Transport } from './delivery/transport.ts';
import { WebhookTransport } from './delivery/webhook-transport.ts';
import { MAX_IN_FLIGHT, Worker } from './delivery/worker.ts';
import { Directory } from './directory/directory.ts';
import { createEgressClient } from './egress/client.ts';
import type { EgressPolicy, OwnAddress } from './egress/policy.ts';
import { type Resolve, sharedResolve } from './egress/resolve.ts';
import { checkUrl } from './egress/url-policy.ts';
import { Acceptor, type Handoff } from './ingest/acceptor.ts';
import type { Log } from './log.ts';
import { createClockWatch } from './maintenance/clock-watch.ts';
import { createExpiry } from './maintenance/expiry.ts';
import { createFailingWatch } from './maintenance/failing-endpoints.ts';
import { createLeader } from './maintenance/leader.ts';
import { createPartitioner } from './maintenance/partitions.ts';
import { createReplayJobs } from './maintenance/replay-jobs.ts';
import { createRescuer } from './maintenance/rescuer.ts';
import { createRetention } from './maintenance/retention.ts';
import { createTallyKeeper } from './maintenance/tallies.ts';
import { createVacuum } from './maintenance/vacuum.ts';
import { masterKeysOf } from './master-key.ts';
import type { Service } from './service.ts';
import { explainer } from './sources/explain.ts';
import { createSources } from './sources/sources.ts';
import { insertAuditEntry } from './store/audit.ts';
import { recordChange } from './store/change.ts';
import { DatabaseClock } from './store/clock.ts';
import { type Database, openDatabase, statement } from './store/database.ts';
import { disableEndpoint } from './store/endpoint.ts';
import { forgetFailing } from './store/failing.ts';
import { letLaneGo } from './store/lane.ts';
import { rescueExpired } from './store/lease-watch.ts';
import { migrate } from './store/migrate.ts';
import { DAY_MS, ensurePartitions } from './store/partition.ts';
import { freeSources } from './store/source-hold.ts';
import { ensureTenancy } from './store/tenancy.ts';
import { type Tenant, tenantOf } from './store/tenant.ts';

/** One running Postrider: whatever roles its settings name, wired together here and nowhere else. */
export interface Postrider {
  /** Where the API listens, `http://host:port`; null without the api role. */
  readonly url: string | null;
  /** Stops taking requests, lets what is in flight end, closes the database. */
  stop(): Promise<void>;
}

export const VERSION = '0.1.0';
const POOL_SIZE = 10;
/** How long a stop waits for deliveries in flight. */
const GRACE_MS = 30_000;
/** A lease of a process that is gone for certain may be freed however long it still runs. */
const ANY_LEASE_MS = 10 * 60_000;

const ping = statement('ping', 'select 1');

/** What a test may put in place of the real thing. */
export interface Substitutes {
  readonly resolve?: Resolve;
  readonly ca?: readonly string[];
  readonly graceMs?: number;
  /** Milliseconds since 1970: the clock of keys, limits and quotas. Without it, limits go by the database's. */
  readonly now?: () => number;
}

/** @throws ConfigError, FolderInUseError, or whatever the database says. */
export async function startPostrider(config: Config, log: Log, substitutes: Substitutes = {}): Promise<Postrider> {
  const masterKeys = masterKeysOf(config, log);
  const vault = new Vault(...masterKeys);
  const db = await openDatabase(databaseTarget(config, POOL_SIZE), (error) =>
    log.error({ err: error }, 'database connection lost'),
  );
  try {
    const ran = await migrate(db);
    if (ran.length > 0) log.info({ migrations: ran }, 'database migrated');
    await ensurePartitions(db, Date.now() - DAY_MS, Date.now() + DAY_MS);
    const tenant = await openTenants(db, log);
    await bootstrap(db, vault, config, log);
    // Nobody else can have the embedded database open: whoever held these leases is dead.
    if (db.kind === 'embedded') {
      while ((await rescueExpired(db, 1_000, ANY_LEASE_MS)) === 1_000);
      await freeSources(db);
    }
    const backbone = await openBackbone(config, masterKeys, db, log);
    return await run(db, tenant, new Directory({ db, vault, log }), backbone, config, log, substitutes);
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** The database as each environment sees it: held to it by the database itself, where that may be set up. */
async function openTenants(db: Database, log: Log): Promise<(environmentId: Uuid) => Tenant> {
  const remedy = await ensureTenancy(db);
  if (remedy === null) return (environmentId) => tenantOf(db, environmentId);
  log.warn(
    { remedy },
    'row-level security is off: this database user may not set it up; every query still names its environment',
  );
  return () => db;
}

/** What the two sides of the backbone share. */
type BackboneParts = ConstructorParameters<typeof BackboneHandoff>[0];

async function openBackbone(
  { queue }: Config,
  masterKeys: MasterKeys,
  db: Database,
  log: Log,
): Promise<BackboneParts | null> {
  if (!queue) return null;
  const backbone = new Backbone({ queue: await queue.open(), shown: queue.shown, log });
  const clock = new DatabaseClock(db, (error) => log.warn({ err: error }, "the database's clock could not be read"));
  return { backbone, clock, seal: new SealOfOrigin(masterKeys, 'backbone'), db, log };
}

async function run(
  db: Database,
  tenant: (environmentId: Uuid) => Tenant,
  directory: Directory,
  backbone: BackboneParts | null,
  config: Config,
  log: Log,
  substitutes: Substitutes,
): Promise<Postrider> {
  const own: OwnAddress[] = [];
  const policy: EgressPolicy = {
    allowHttp: config.egress.http,
    ports: config.egress.ports,
    exempt: config.egress.allow,
    own,
  };
  // One for webhooks and all brokers: it keeps silent name servers from taking every thread that asks.
  const resolve = sharedResolve(substitutes.resolve);
  const egress = createEgressClient({
    policy,
    maxConnectionsPerOrigin: MAX_IN_FLIGHT,
    resolve,
    ...(substitutes.ca && { ca: substitutes.ca }),
  });
  const outside = { policy, resolve };
  const publishers = new Publishers(outside);
  const now = substitutes.now ?? Date.now;
  const keyUse = new KeyUse({ db, log, now });
  const tallies = new Tallies({ db, log, rule: FAILING_RULE, now: substitutes.now });
  const disable = (endpoint: EndpointRef, reason: DisabledReason) => switchOff(db, directory, log, endpoint, reason);
  const worker = config.roles.has('worker')
    ? new Worker({
        db,
        endpoints: directory,
        transports: { webhook: new WebhookTransport(egress), ...brokerTransports(publishers) },
        recorder: new Recorder({ db, log }),
        circuits: new Circuits({
          db,
          log,
          onChange: (endpoint) => directory.forget({ kind: 'application', id: endpoint.applicationId }),
        }),
        tallies,
        disable,
        log,
        graceMs: substitutes.graceMs ?? GRACE_MS,
      })
    : null;
  const toOthers = backbone && config.roles.has('api') ? new BackboneHandoff(backbone) : null;
  const fromOthers = backbone && worker ? new BackboneIntake({ ...backbone, hands: worker }) : null;
  const acceptor = new Acceptor({
    db,
    // What our own worker has room for needs no broker.
    handoffs: [worker && handoffTo(worker), toOthers].filter((each) => each !== null),
    wake: () => worker?.wake(),
    counter: tallies,
    quotas: directory,
    now: substitutes.now,
  });

  // Started in this order, stopped in reverse: nothing runs whose support is gone.
  const services: Service[] = [directory, tallies, keyUse];
  const replayJobs = config.roles.has('maintenance')
    ? createReplayJobs({ db, log, onReplayed: () => worker?.wake() })
    : null;
  if (replayJobs) {
    // Everywhere: what a dead process had in hand must not also wait for the lead to pass on.
    services.push(createRescuer({ db, log }), replayJobs);
    const duties = () => [
      createPartitioner({ db, log }),
      createExpiry({ db, log }),
      createRetention({ db, log, defaultDays: config.retentionDays }),
      createTallyKeeper({ db, log }),
      createClockWatch({ db, log }),
      createFailingWatch({ db, log, rule: FAILING_RULE, disable }),
      ...(db.kind === 'embedded' ? [createVacuum({ db, log })] : []),
    ];
    services.push(createLeader({ db, log, duties }));
  }
  if (backbone) services.push(backbone.clock, backbone.backbone);
  // What the worker had in hand has ended by then, and the broker hears of it.
  if (fromOthers) services.push({ start() {}, stop: () => fromOthers.idle() });
  if (worker) services.push(worker);
  if (fromOthers) services.push(fromOthers);
  if (toOthers) services.push(toOthers);
  const sources = worker
    ? createSources({
        ...{ db, log, directory, acceptor, explain: explainer(log) },
        open: (type, config, receiver) => openToReceive(type, config, outside, receiver),
      })
    : null;
  if (sources) services.push(sources);
  for (const service of services) service.start();

  let url: string | null = null;
  let closeApi = async (): Promise<void> => {};
  if (config.roles.has('api')) {
    const portal = new PortalSessions({ db });
    const app = createApiServer({
      keys: directory,
      sessions: portal,
      directory,
      keyUse,
      limiter: new RequestLimiter({ db, now: substitutes.now }),
      now,
      log,
      version: VERSION,
    });
    registerRoutes(app, {
      tenant,
      directory,
      acceptor,
      log,
      portal,
      publicUrl: () => config.publicUrl ?? url ?? '',
      now,
      checkUrl: (text) => checkUrl(policy, text),
      checkBroker: (type, config, purpose) => checkBroker(type, config, outside, purpose),
      wakeWorker: () => worker?.wake(),
      wakeSources: () => sources?.wake(),
      wakeJobs: () => replayJobs?.wake(),
      probe: async () => {
        await db.query(ping, []);
      },
    });
    closeApi = () => closeApiServer(app);
    await app.listen({ host: config.host, port: config.port }).catch(async (error: unknown) => {
      await stopAll(services);
      throw error;
    });
    // A pipe has a name instead of an address; we only ever listen on TCP.
    own.push(...app.addresses().filter((each) => typeof each !== 'string'));
    url = urlOf(own[0] ?? { address: config.host, port: config.port });
  }

  return {
    url,
    async stop() {
      await closeApi();
      await acceptor.idle();
      await stopAll(services);
      await Promise.all([egress.close(), publishers.close()]);
      await db.close();
    },
  };
}

function brokerTransports(publishers: Publishers): Record<BrokerType, Transport> {
  const transports = BROKER_TYPES.map((type) => [type, new BrokerTransport(type, publishers)]);
  return Object.fromEntries(transports);
}

async function stopAll(services: readonly Service[]): Promise<void> {
  for (const service of services.toReversed()) await service.stop();
}

function handoffTo(worker: Worker): Handoff {
  return {
    wayMs: 0,
    reserve: (application, endpoint) => worker.reserve(application, endpoint),
    send: (delivery, leasedAt) => worker.deliver(delivery, leasedAt),
    release: (application, endpoint) => worker.release(application, endpoint),
  };
}

async function switchOff(db: Database, directory: Directory, log: Log, endpoint: EndpointRef, reason: DisabledReason) {
  const isNews = await db.transaction(async (tx) => {
    if (!(await disableEndpoint(tx, endpoint.environmentId, endpoint.id, reason))) return false;
    await letLaneGo(tx, endpoint.id);
    await forgetFailing(tx, [endpoint.id]);
    await insertAuditEntry(tx, {
      ...{
        id: newId(),
        environment_id: endpoint.environmentId,
        actor_kind: 'system',
        actor_id: null,
        request_id: null,
      },
      ...{ action: 'endpoint.disable', subject: publicId('ep', endpoint.id), details: { reason } },
    });
    await recordChange(tx, { kind: 'application', id: endpoint.applicationId });
    return true;
  });
  if (isNews) log.warn({ endpoint_id: publicId('ep', endpoint.id), reason }, 'endpoint disabled');
  directory.forget({ kind: 'application', id: endpoint.applicationId });
}

function urlOf({ address, port }: OwnAddress): string {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
