import { decodeSecret } from '@postrider/webhook';
import { LRUCache } from 'lru-cache';
import type { Endpoint } from '../core/endpoint.ts';
import type { Environment } from '../core/environment.ts';
import { publicId, type Uuid } from '../core/ids.ts';
import type { PreparedSchema } from '../core/json-schema/schema.ts';
import { NO_RULES, type Rules } from '../core/matcher.ts';
import { requestsPerMinute } from '../core/plan.ts';
import type { Scope } from '../core/scope.ts';
import { effectiveSignature, isKeyPair, type SignatureSetting } from '../core/signature.ts';
import { type DataKey, unseal, type Vault } from '../crypto/vault.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import { findApiKey } from '../store/api-key.ts';
import { type ApplicationRef, type ApplicationRow, findApplication, readApplication } from '../store/application.ts';
import { changesSince, type Subject } from '../store/change.ts';
import type { Database } from '../store/database.ts';
import { readDirectEndpoint } from '../store/direct-endpoint.ts';
import { type EndpointRow, endpointsOf } from '../store/endpoint.ts';
import { environmentOf, readEnvironment } from '../store/environment.ts';
import { eventTypesInForce } from '../store/event-type.ts';
import { routesOf } from '../store/route.ts';
import { subscribedTypes } from '../store/subscription.ts';
import { ApplicationEntry } from './application-entry.ts';
import { Cache } from './cache.ts';
import type { CatalogueEntry, EnvironmentEntry } from './environment-entry.ts';
import { Schemas } from './schemas.ts';

/**
 * What the hot path knows by heart: API keys, and applications with their endpoints, secrets open. Bounded, filled on
 * use, and told what to forget: every process reads the change log twice a second, and one that has not been able to for
 * 2 s trusts nothing it remembers. So a revoked key or a disabled endpoint takes effect everywhere within 2 s.
 */
const POLL_MS = 500;
const TRUST_MS = 2_000;
const MAX_APPLICATIONS = 10_000;
const MAX_KEYS = 10_000;
const MAX_ENVIRONMENTS = 1_000;
/** Unknown keys are remembered briefly, so that a client with a wrong one does not become a load on the database. */
const UNKNOWN_KEY_MS = 1_000;

export interface KeyEntry {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly scope: Scope;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
  /** Its own limit or its environment's plan's; null: none. */
  readonly requestsPerMinute: number | null;
}

type Secrets = Pick<Endpoint, 'headers' | 'secret' | 'signingKey' | 'oldSecrets' | 'config'>;

const NONE: Endpoint['oldSecrets'] = [];
const NO_KEY = new Uint8Array();
const UNREADABLE: Secrets = { headers: {}, secret: '', signingKey: NO_KEY, oldSecrets: NONE, config: null };

export class Directory implements Service {
  readonly #db: Database;
  readonly #vault: Vault;
  readonly #log: Log;
  readonly #poll: Service;
  readonly #applications = new Cache<ApplicationEntry>(MAX_APPLICATIONS);
  /** environment|uid and environment|default → application id. Checked against the entry: a uid may move. */
  readonly #aliases = new LRUCache<string, Uuid>({ max: MAX_APPLICATIONS });
  readonly #keys = new Cache<KeyEntry>(MAX_KEYS);
  readonly #environments = new Cache<EnvironmentEntry>(MAX_ENVIRONMENTS);
  readonly #schemas: Schemas;
  readonly #unknownKeys = new LRUCache<string, true>({ max: MAX_KEYS, ttl: UNKNOWN_KEY_MS });
  readonly #dataKeys = new Map<Uuid, DataKey>();
  /** Everything up to here is forgotten. Before the first look: a version that no log is complete from. */
  #version = -1;
  #trustedUntil = 0;

  constructor(options: { db: Database; vault: Vault; log: Log }) {
    this.#db = options.db;
    this.#vault = options.vault;
    this.#log = options.log;
    this.#schemas = new Schemas(options);
    this.#poll = repeating(
      POLL_MS,
      () => this.#readChanges(),
      (error) => options.log.warn({ err: error }, 'the change log could not be read; caches are not trusted meanwhile'),
    );
  }

  start(): void {
    this.#poll.start();
  }

  async stop(): Promise<void> {
    await this.#poll.stop();
  }

  /** The key with this SHA-256 digest, or null. */
  async apiKey(digest: Buffer): Promise<KeyEntry | null> {
    this.#distrustOld();
    const id = digest.toString('latin1');
    if (this.#unknownKeys.has(id)) return null;
    const entry = await this.#keys.get(id, async () => {
      const row = await findApiKey(this.#db, digest);
      if (!row) return null;
      const { environment } = await this.environment(row.environment_id);
      return {
        id: row.id,
        environmentId: row.environment_id,
        scope: row.scope,
        expiresAt: row.expires_at?.getTime() ?? null,
        requestsPerMinute: requestsPerMinute(environment.plan, row.rate_limit),
      };
    });
    if (!entry) this.#unknownKeys.set(id, true);
    return entry;
  }

  /** The application a caller names, or null where the environment has none such. */
  async application(environmentId: Uuid, ref: ApplicationRef): Promise<ApplicationEntry | null> {
    if (ref.by === 'id') return this.#byId(environmentId, ref.id);
    const alias = `${environmentId}|${ref.by === 'uid' ? `uid ${ref.uid}` : 'default'}`;
    const known = this.#aliases.get(alias);
    if (known) {
      const entry = await this.#byId(environmentId, known);
      if (entry && (ref.by === 'uid' ? entry.uid === ref.uid : entry.isDefault)) return entry;
    }
    const row = await findApplication(this.#db, environmentId, ref);
    if (!row) return null;
    this.#aliases.set(alias, row.id);
    return this.#byId(environmentId, row.id);
  }

  /** An endpoint that may be sent to as far as memory goes; undefined where `endpoint` has to be asked. */
  known(environmentId: Uuid, applicationId: Uuid, id: Uuid): Endpoint | undefined {
    this.#distrustOld();
    const entry = this.#applications.peek(applicationId);
    const endpoint = entry?.environmentId === environmentId ? entry.known(id) : undefined;
    return endpoint?.status === 'disabled' ? undefined : endpoint;
  }

  /** What an application may use in a month as far as memory goes: undefined where `quota` has to be asked. */
  knownQuota(applicationId: Uuid): number | null | undefined {
    this.#distrustOld();
    return this.#applications.peek(applicationId)?.quota;
  }

  /** Messages that an application may have in a calendar month of UTC; null: no limit, or no such application. */
  async quota(environmentId: Uuid, applicationId: Uuid): Promise<number | null> {
    return (await this.#byId(environmentId, applicationId))?.quota ?? null;
  }

  /**
   * An endpoint by its application, or null where it is gone.
   *
   * A no is final for a delivery, so it is never taken from memory: an endpoint that is missing or disabled in an entry
   * read before `since` (by performance.now()) may just have been made or enabled on another process.
   */
  async endpoint(environmentId: Uuid, applicationId: Uuid, id: Uuid, since: number): Promise<Endpoint | null> {
    const entry = await this.#byId(environmentId, applicationId);
    const direct = entry && (await this.#direct(entry, id));
    if (direct) return direct;
    const endpoint = entry?.endpoint(id);
    if ((endpoint && endpoint.status !== 'disabled') || (entry && entry.readAt >= since)) return endpoint ?? null;
    // A claim asks for a whole backlog at once: whoever is first forgets the old entry, and all share what is read then.
    const kept = this.#applications.peek(applicationId);
    if (kept && kept.readAt < since) this.forget({ kind: 'application', id: applicationId });
    return (await this.#byId(environmentId, applicationId))?.endpoint(id) ?? null;
  }

  /** A direct endpoint; null where it is none. From memory or, so that a no is as new as can be, as it is now. */
  async #direct(entry: ApplicationEntry, id: Uuid): Promise<Endpoint | null> {
    if (!entry.isDefault || entry.endpoint(id)) return null;
    const known = entry.known(id);
    if (known && known.status !== 'disabled') return known;
    const row = await readDirectEndpoint(this.#db, entry.environmentId, entry.id, id);
    if (!row) return null;
    const endpoint = await this.open(row);
    entry.direct.keep(endpoint);
    return endpoint;
  }

  /** Drops what this process remembers; others hear of it through the change log. */
  forget(subject: Subject): void {
    if (subject.kind === 'application') {
      this.#applications.forget(subject.id);
    } else if (subject.kind === 'environment') {
      this.#environments.forget(subject.id);
      // What an environment decides is part of the entries of its applications and keys. Not of others': whoever changes
      // a catalogue again and again makes work for themselves.
      const isOfIt = ({ environmentId }: { environmentId: Uuid }) => environmentId === subject.id;
      this.#applications.forgetWhere(isOfIt);
      this.#keys.forgetWhere(isOfIt);
    } else {
      // Rare enough that all keys may be read anew.
      this.#keys.clear();
      this.#unknownKeys.clear();
    }
  }

  /** The key that seals and opens an environment's secrets. @throws SealError, or where there is no such environment. */
  async dataKey(environmentId: Uuid): Promise<DataKey> {
    const known = this.#dataKeys.get(environmentId);
    if (known) return known;
    const row = await readEnvironment(this.#db, environmentId);
    if (!row) throw new Error(`there is no environment ${environmentId}`);
    const dataKey = this.#vault.unwrap(row.id, row.data_key);
    this.#dataKeys.set(environmentId, dataKey);
    return dataKey;
  }

  /** What an environment decides for everything in it. @throws where there is no such environment. */
  async environment(id: Uuid): Promise<EnvironmentEntry> {
    this.#distrustOld();
    const entry = await this.#environments.get(id, async () => {
      const row = await readEnvironment(this.#db, id);
      if (!row) return null;
      const environment = environmentOf(row);
      const isHeld = environment.strictEventTypes || environment.payloadValidation !== 'off';
      return { environment, catalogue: isHeld ? catalogueOf(await eventTypesInForce(this.#db, id)) : null };
    });
    if (!entry) throw new Error(`there is no environment ${id}`);
    return entry;
  }

  /** The schema in force of an event type in a catalogue; null where it has none. */
  schemaOf(environmentId: Uuid, type: CatalogueEntry): Promise<PreparedSchema | null> | PreparedSchema | null {
    return type.schemaVersion === null ? null : this.#schemas.schema(environmentId, type.id, type.schemaVersion);
  }

  /** A stored endpoint with its secrets open, where they open: one that is damaged must not take others with it. */
  async open(row: EndpointRow): Promise<Endpoint> {
    return (await this.opener(row.environment_id))(row);
  }

  /**
   * The same for rows that are yet to be read. For use within a transaction: there, the embedded database has no second
   * connection on which to ask for the key and the environment.
   */
  async opener(environmentId: Uuid): Promise<(row: EndpointRow) => Endpoint> {
    const dataKey = await this.dataKey(environmentId);
    const { environment } = await this.environment(environmentId);
    return (row) => this.#open(row, dataKey, environment);
  }

  #open(row: EndpointRow, dataKey: DataKey, environment: Environment): Endpoint {
    const secrets = this.#openSecrets(row, dataKey);
    return {
      id: row.id,
      environmentId: row.environment_id,
      applicationId: row.application_id,
      uid: row.uid,
      type: row.type,
      url: row.url,
      isDirect: row.is_direct,
      events: row.events,
      channels: row.channels,
      description: row.description,
      metadata: row.metadata,
      isReadable: secrets !== null,
      ...(secrets ?? UNREADABLE),
      bodyFormat: row.body_format ?? environment.bodyFormat,
      signature: effectiveSignature(signatureOf(row, secrets), environment.signature),
      own: { bodyFormat: row.body_format, signature: row.signature },
      retryPolicy: row.retry_policy,
      timeoutSeconds: row.timeout_seconds,
      rateLimit: row.rate_limit,
      maxInFlight: row.max_in_flight,
      ordering: row.ordering,
      circuit: {
        state: row.circuit,
        openedAt: row.opened_at,
        nextProbeAt: row.next_probe_at,
        openings: row.openings,
      },
      status: row.status,
      disabledReason: row.disabled_reason,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  }

  #openSecrets(row: EndpointRow, dataKey: DataKey): Secrets | null {
    try {
      const secret = unseal(dataKey, row.id, 'endpoint_secret', row.secret);
      const headers = row.headers ? JSON.parse(unseal(dataKey, row.id, 'endpoint_headers', row.headers)) : {};
      const oldSecrets = row.old_secrets
        ? JSON.parse(unseal(dataKey, row.id, 'endpoint_old_secrets', row.old_secrets))
        : NONE;
      const config = row.config ? JSON.parse(unseal(dataKey, row.id, 'endpoint_config', row.config)) : null;
      return { headers, secret, signingKey: isKeyPair(secret) ? NO_KEY : decodeSecret(secret), oldSecrets, config };
    } catch {
      // Not the error itself: a parser quotes what it could not read.
      const about = { endpoint_id: publicId('ep', row.id), application_id: publicId('app', row.application_id) };
      this.#log.error(
        about,
        'the stored secret, headers or config of an endpoint do not open; nothing can be sent to it',
      );
      return null;
    }
  }

  async #byId(environmentId: Uuid, id: Uuid): Promise<ApplicationEntry | null> {
    this.#distrustOld();
    const entry = await this.#applications.get(id, async () => {
      const readAt = performance.now();
      const row = await readApplication(this.#db, id);
      if (!row) return null;
      const environment = await this.environment(row.environment_id);
      const dataKey = await this.dataKey(row.environment_id);
      const rows = await endpointsOf(this.#db, row.environment_id, id);
      const endpoints = rows.map((each) => this.#open(each, dataKey, environment.environment));
      return new ApplicationEntry(readAt, row, environment, endpoints, await this.#rulesOf(row));
    });
    // Filled and kept by id alone, whoever asks first: another environment's must still look like nothing.
    return entry?.environmentId === environmentId ? entry : null;
  }

  async #rulesOf({ id, environment_id, is_default, subscriptions }: ApplicationRow): Promise<Rules> {
    const isExplicit = subscriptions === 'explicit';
    return {
      routes: is_default ? await routesOf(this.#db, environment_id) : NO_RULES.routes,
      subscribed: isExplicit ? new Set(await subscribedTypes(this.#db, environment_id, id)) : null,
    };
  }

  async #readChanges(): Promise<void> {
    const startedAt = performance.now();
    for (;;) {
      const { current, changes, isComplete } = await changesSince(this.#db, this.#version);
      if (!isComplete) this.#forgetAll();
      else for (const change of changes) this.forget(change);
      this.#version = isComplete ? (changes.at(-1)?.version ?? current) : current;
      if (this.#version >= current) break;
    }
    this.#trustedUntil = startedAt + TRUST_MS;
  }

  #distrustOld(): void {
    if (performance.now() > this.#trustedUntil) this.#forgetAll();
  }

  #forgetAll(): void {
    this.#applications.clear();
    this.#environments.clear();
    this.#keys.clear();
    this.#unknownKeys.clear();
  }
}

function catalogueOf(rows: Awaited<ReturnType<typeof eventTypesInForce>>): EnvironmentEntry['catalogue'] {
  return new Map(rows.map(({ id, name, schema_version }) => [name, { id, schemaVersion: schema_version }]));
}

/** A key pair of its owner's own signs ed25519, whatever its environment has changed over to. */
function signatureOf(row: EndpointRow, secrets: Secrets | null): SignatureSetting | null {
  if (!secrets || !isKeyPair(secrets.secret) || row.signature?.scheme === 'ed25519') return row.signature;
  return { scheme: 'ed25519' };
}
