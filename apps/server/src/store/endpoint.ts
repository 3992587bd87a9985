import type { DisabledReason, EndpointStatus, EndpointType } from '../core/endpoint.ts';
import type { Uuid } from '../core/ids.ts';
import type { RetryPolicySetting } from '../core/retry-policy.ts';
import { type Queryable, statement } from './database.ts';
import { AFTER_ALL } from './list.ts';

/** An endpoint as stored: its secret and headers sealed. */
export interface EndpointRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly application_id: Uuid;
  readonly type: EndpointType;
  readonly url: string;
  readonly events: string[];
  readonly channels: string[] | null;
  readonly description: string;
  readonly metadata: Record<string, string>;
  readonly headers: Buffer | null;
  readonly secret: Buffer;
  readonly retry_policy: RetryPolicySetting;
  readonly timeout_seconds: number;
  readonly status: EndpointStatus;
  readonly disabled_reason: DisabledReason | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const COLUMNS = `id, environment_id, application_id, type, url, events, channels, description, metadata, headers, secret,
  retry_policy, timeout_seconds, status, disabled_reason, created_at, updated_at`;

const read = statement<EndpointRow>(
  'endpoint_read',
  `select ${COLUMNS} from endpoint
   where environment_id = $1 and id = $2 and ($3::uuid is null or application_id = $3)`,
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

const lock = statement<EndpointRow>('endpoint_lock', `${read.text} for update`);

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
  `select ${COLUMNS} from endpoint where environment_id = $1 and application_id = $2 order by id`,
);

/** All of an application's endpoints, for the directory. */
export async function endpointsOf(db: Queryable, environmentId: Uuid, applicationId: Uuid): Promise<EndpointRow[]> {
  return db.query(ofApplication, [environmentId, applicationId]);
}

const list = statement<EndpointRow>(
  'endpoint_list',
  `select ${COLUMNS} from endpoint
   where environment_id = $1 and application_id = $2 and id < coalesce($3::uuid, '${AFTER_ALL}')
   order by id desc limit $4 offset $5`,
);

export async function listEndpoints(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  page: { before: Uuid | null; limit: number; offset: number },
): Promise<EndpointRow[]> {
  return db.query(list, [environmentId, applicationId, page.before, page.limit, page.offset]);
}

const insert = statement<EndpointRow>(
  'endpoint_insert',
  `insert into endpoint (id, environment_id, application_id, type, url, events, channels, description, metadata,
     headers, secret, retry_policy, timeout_seconds, status, disabled_reason)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning ${COLUMNS}`,
);

export async function insertEndpoint(
  db: Queryable,
  row: Omit<EndpointRow, 'created_at' | 'updated_at'>,
): Promise<EndpointRow> {
  const [stored] = await db.query(insert, [...identity(row), ...settings(row)]);
  if (!stored) throw new Error('an insert returned no row');
  return stored;
}

const update = statement<EndpointRow>(
  'endpoint_update',
  `update endpoint set type = $4, url = $5, events = $6, channels = $7, description = $8, metadata = $9, headers = $10,
     secret = $11, retry_policy = $12, timeout_seconds = $13, status = $14, disabled_reason = $15, updated_at = now()
   where id = $1 and environment_id = $2 and application_id = $3 returning ${COLUMNS}`,
);

export async function updateEndpoint(db: Queryable, row: EndpointRow): Promise<EndpointRow | undefined> {
  return (await db.query(update, [...identity(row), ...settings(row)]))[0];
}

function identity(row: Omit<EndpointRow, 'created_at' | 'updated_at'>): unknown[] {
  return [row.id, row.environment_id, row.application_id];
}

function settings(row: Omit<EndpointRow, 'created_at' | 'updated_at'>): unknown[] {
  return [
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
    row.status,
    row.disabled_reason,
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
