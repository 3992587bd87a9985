import type { CircuitState } from '../core/circuit.ts';
import type { DisabledReason, EndpointStatus, EndpointType, Ordering } from '../core/endpoint.ts';
import type { BodyFormat } from '../core/environment.ts';
import type { Uuid } from '../core/ids.ts';
import type { RetryPolicySetting } from '../core/retry-policy.ts';
import type { SignatureSetting } from '../core/signature.ts';
import { type Queryable, statement } from './database.ts';
import { AFTER_ALL, type Page, pageOf, Where } from './list.ts';

/** An endpoint as stored: its secret, headers and config sealed. */
export interface EndpointRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly application_id: Uuid;
  /** Unique in its application. */
  readonly uid: string | null;
  readonly type: EndpointType;
  readonly url: string;
  /** Sealed: JSON of a core/broker/form.ts BrokerConfig. Null for webhooks. */
  readonly config: Buffer | null;
  /** Made by a send to its URL (direct-endpoint.ts). */
  readonly is_direct: boolean;
  readonly events: string[];
  readonly channels: string[] | null;
  readonly description: string;
  readonly metadata: Record<string, string>;
  readonly headers: Buffer | null;
  readonly secret: Buffer;
  /** Sealed: JSON array of core/endpoint.ts OldSecret. */
  readonly old_secrets: Buffer | null;
  /** Null: the environment's. */
  readonly body_format: BodyFormat | null;
  readonly signature: SignatureSetting | null;
  readonly retry_policy: RetryPolicySetting;
  readonly timeout_seconds: number;
  readonly rate_limit: number | null;
  readonly max_in_flight: number | null;
  readonly ordering: Ordering;
  readonly status: EndpointStatus;
  readonly disabled_reason: DisabledReason | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  /** Of its lane: the circuit breaker. */
  readonly circuit: CircuitState;
  readonly openings: number;
  readonly opened_at: Date | null;
  readonly next_probe_at: Date | null;
}

/** What a caller sets; the rest is the database's. */
export type EndpointSettings = Omit<
  EndpointRow,
  'is_direct' | 'created_at' | 'updated_at' | 'circuit' | 'openings' | 'opened_at' | 'next_probe_at'
>;

/** Columns of an endpoint `e` and its lane `l`. */
export const COLUMNS = `e.id, e.environment_id, e.application_id, e.type, e.url, e.is_direct, e.events, e.channels,
  e.description, e.metadata, e.headers, e.secret, e.uid, e.old_secrets, e.body_format, e.signature, e.config, e.retry_policy,
  e.timeout_seconds, e.rate_limit, e.max_in_flight, e.ordering, e.status,
  e.disabled_reason, e.created_at, e.updated_at, coalesce(l.circuit, 'closed') as circuit,
  coalesce(l.openings, 0) as openings, l.opened_at,
  case when l.held_by = 'circuit_open' then l.held_until end as next_probe_at`;
export const WITH_LANE = 'left join lane l on l.endpoint_id = e.id';

/** SQL of what a direct endpoint is found by. */
export function hashSql(applicationId: string, url: string): string {
  return `sha256(convert_to(${applicationId}::uuid::text || ${url}, 'UTF8'))`;
}

const read = statement<EndpointRow>(
  'endpoint_read',
  `select ${COLUMNS} from endpoint e ${WITH_LANE}
   where e.environment_id = $1 and e.id = $2 and ($3::uuid is null or e.application_id = $3)`,
);

/** @param applicationId null where any application of the environment will do. */
export async function readEndpoint(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid | null,
  id: Uuid,
): Promise<EndpointRow | undefined> {
  return (await db.query(read, [environmentId, id, applicationId]))[0];
}

const readByUid = statement<EndpointRow>(
  'endpoint_read_by_uid',
  `select ${COLUMNS} from endpoint e ${WITH_LANE} where e.environment_id = $1 and e.application_id = $2 and e.uid = $3`,
);

/** By its owner's own id, which is unique in the application. */
export async function readEndpointByUid(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  uid: string,
): Promise<EndpointRow | undefined> {
  return (await db.query(readByUid, [environmentId, applicationId, uid]))[0];
}

const lock = statement<EndpointRow>('endpoint_lock', `${read.text} for update of e`);

/** The same, held against other writers to the end of the transaction. */
export async function lockEndpoint(
  tx: Queryable,
  environmentId: Uuid,
  applicationId: Uuid | null,
  id: Uuid,
): Promise<EndpointRow | undefined> {
  return (await tx.query(lock, [environmentId, id, applicationId]))[0];
}

const ofApplication = statement<EndpointRow>(
  'endpoint_of_application',
  `select ${COLUMNS} from endpoint e ${WITH_LANE}
   where e.environment_id = $1 and e.application_id = $2 and not e.is_direct order by e.id`,
);

/** All of an application's endpoints but the direct ones, for the directory. */
export async function endpointsOf(db: Queryable, environmentId: Uuid, applicationId: Uuid): Promise<EndpointRow[]> {
  return db.query(ofApplication, [environmentId, applicationId]);
}

/** Each kind has an index of its own, so its condition is part of the text. */
const listOf = (name: string, condition: string) =>
  statement<EndpointRow>(
    name,
    `select ${COLUMNS} from endpoint e ${WITH_LANE}
     where e.environment_id = $1 and e.application_id = $2 and ${condition} and e.id < $3
     order by e.id desc limit $4 offset $5`,
  );
const list = listOf('endpoint_list', 'not e.is_direct');
const listDirect = listOf('endpoint_list_direct', 'e.is_direct');

/** @param isDirect the direct ones instead of all others. */
export async function listEndpoints(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  page: { before: Uuid | null; limit: number; offset: number },
  isDirect = false,
): Promise<EndpointRow[]> {
  const values = [environmentId, applicationId, page.before ?? AFTER_ALL, page.limit, page.offset];
  return db.query(isDirect ? listDirect : list, values);
}

// Which ids, without their lanes: with the join there, the pair of the list's index is not what the rows come by.
const IDS = 'select id, application_id from endpoint';
const some = statement<EndpointRow>(
  'endpoint_some',
  `select ${COLUMNS} from endpoint e ${WITH_LANE} where e.id = any($2::uuid[]) and e.environment_id = $1`,
);

/** All but the direct ones, either way. */
export async function pageEndpoints(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  page: Page,
): Promise<EndpointRow[]> {
  const where = new Where([['application_id', applicationId]])
    .literal('not is_direct')
    .equals('environment_id', environmentId);
  const ids = (await db.query(...pageOf<{ id: Uuid }>(IDS, where, page))).map(({ id }) => id);
  const rows = new Map((await db.query(some, [environmentId, ids])).map((row) => [row.id, row]));
  return ids.flatMap((id) => rows.get(id) ?? []);
}

const insert = statement<EndpointRow>(
  'endpoint_insert',
  `with e as (
     insert into endpoint (id, environment_id, application_id, type, url, events, channels, description, metadata,
       headers, secret, retry_policy, timeout_seconds, rate_limit, max_in_flight, ordering, status, disabled_reason,
       uid, body_format, signature, old_secrets, config)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
     returning *
   ), lane_row as (insert into lane (endpoint_id) select id from e)
   select ${COLUMNS} from e ${WITH_LANE}`,
);

/** Stores an endpoint and its lane. Rejects with a unique violation where the uid is another endpoint's. */
const lockOwner = statement<{ is_default: boolean }>(
  'endpoint_lock_owner',
  'select is_default from application where environment_id = $1 and id = $2 for no key update',
);

const countOf = statement<{ count: number }>(
  'endpoint_count',
  `select count(*)::integer as count from (
     select from endpoint where environment_id = $1 and application_id = $2 and not is_direct limit $3) as found`,
);

/**
 * How many endpoints a customer's application has, at most `limit`; none of the default application, which is the producer's
 * own. Whoever asks is the only one to add one there, to the end of the transaction.
 */
export async function countEndpoints(tx: Queryable, environmentId: Uuid, applicationId: Uuid, limit: number) {
  const [owner] = await tx.query(lockOwner, [environmentId, applicationId]);
  if (!owner || owner.is_default) return 0;
  return (await tx.query(countOf, [environmentId, applicationId, limit]))[0]?.count ?? 0;
}

export async function insertEndpoint(db: Queryable, row: EndpointSettings): Promise<EndpointRow> {
  const [stored] = await db.query(insert, valuesOf(row));
  if (!stored) throw new Error('an insert returned no row');
  return stored;
}

const update = statement<EndpointRow>(
  'endpoint_update',
  `with e as (
     update endpoint set type = $4, url = $5, events = $6, channels = $7, description = $8, metadata = $9, headers = $10,
       secret = $11, retry_policy = $12, timeout_seconds = $13, rate_limit = $14, max_in_flight = $15, ordering = $16,
       status = $17, disabled_reason = $18, uid = $19, body_format = $20, signature = $21, old_secrets = $22, config = $23,
       url_hash = case when is_direct then ${hashSql('$3', '$5')} end, updated_at = now()
     where id = $1 and environment_id = $2 and application_id = $3 returning *
   )
   select ${COLUMNS} from e ${WITH_LANE}`,
);

/** Rejects with a unique violation where the uid is another endpoint's, or the URL of a direct one another's. */
export async function updateEndpoint(db: Queryable, row: EndpointSettings): Promise<EndpointRow | undefined> {
  return (await db.query(update, valuesOf(row)))[0];
}

function valuesOf(row: EndpointSettings): unknown[] {
  return [
    row.id,
    row.environment_id,
    row.application_id,
    row.type,
    row.url,
    row.events,
    row.channels,
    row.description,
    JSON.stringify(row.metadata),
    row.headers,
    row.secret,
    JSON.stringify(row.retry_policy),
    row.timeout_seconds,
    row.rate_limit,
    row.max_in_flight,
    row.ordering,
    row.status,
    row.disabled_reason,
    row.uid,
    row.body_format,
    row.signature && JSON.stringify(row.signature),
    row.old_secrets,
    row.config,
  ];
}

const disable = statement<{ application_id: Uuid }>(
  'endpoint_disable',
  `update endpoint set status = 'disabled', disabled_reason = $3, updated_at = now()
   where environment_id = $1 and id = $2 and status <> 'disabled' returning application_id`,
);

/** @returns true where it was not disabled already. */
export async function disableEndpoint(
  db: Queryable,
  environmentId: Uuid,
  id: Uuid,
  reason: DisabledReason,
): Promise<boolean> {
  return (await db.query(disable, [environmentId, id, reason])).length > 0;
}

const remove = statement<{ id: Uuid }>(
  'endpoint_delete',
  'delete from endpoint where environment_id = $1 and application_id = $2 and id = $3 returning id',
);

export async function deleteEndpoint(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  id: Uuid,
): Promise<boolean> {
  return (await db.query(remove, [environmentId, applicationId, id])).length > 0;
}
