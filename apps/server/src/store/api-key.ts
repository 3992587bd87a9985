import type { Uuid } from '../core/ids.ts';
import type { Scope } from '../core/scope.ts';
import { type Queryable, statement } from './database.ts';
import { AFTER_ALL } from './list.ts';

export interface ApiKeyRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly name: string;
  readonly scope: Scope;
  readonly last4: string;
  /** Null: never. */
  readonly expires_at: Date | null;
  /** To the minute. */
  readonly last_used_at: Date | null;
  /** Calls in a minute; null: as the environment's plan says. */
  readonly rate_limit: number | null;
  readonly created_at: Date;
}

/** The key in the forms that are stored. */
export interface StoredKey {
  readonly digest: Buffer;
  /** Sealed (crypto/vault.ts). */
  readonly key: Buffer;
  readonly last4: string;
}

const COLUMNS = 'id, environment_id, name, scope, last4, expires_at, last_used_at, rate_limit, created_at';

const byDigest = statement<ApiKeyRow>('api_key_by_digest', `select ${COLUMNS} from api_key where digest = $1`);

export async function findApiKey(db: Queryable, digest: Buffer): Promise<ApiKeyRow | undefined> {
  return (await db.query(byDigest, [digest]))[0];
}

const byId = statement<ApiKeyRow & { key: Buffer | null }>(
  'api_key_by_id',
  `select ${COLUMNS}, key from api_key where environment_id = $1 and id = $2`,
);

/** With the key itself, sealed; null where it was made before keys were kept. */
export async function readApiKey(db: Queryable, environmentId: Uuid, id: Uuid) {
  return (await db.query(byId, [environmentId, id]))[0];
}

const insert = statement<ApiKeyRow>(
  'api_key_insert',
  `insert into api_key (id, environment_id, name, scope, digest, key, last4, expires_at, rate_limit)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
   on conflict (digest) do nothing returning ${COLUMNS}`,
);

export interface NewApiKeyRow extends Omit<StoredKey, 'key'>, Pick<ApiKeyRow, 'id' | 'name' | 'scope'> {
  readonly environmentId: Uuid;
  readonly key?: Buffer;
  readonly expires_at?: Date | null;
  readonly rate_limit?: number | null;
}

/** @returns the row, or undefined where this very key exists. */
export async function insertApiKey(db: Queryable, row: NewApiKeyRow): Promise<ApiKeyRow | undefined> {
  const { id, environmentId, name, scope, digest, key = null, last4, expires_at = null, rate_limit = null } = row;
  return (await db.query(insert, [id, environmentId, name, scope, digest, key, last4, expires_at, rate_limit]))[0];
}

const list = statement<ApiKeyRow>(
  'api_key_list',
  `select ${COLUMNS} from api_key where environment_id = $1 and id < $2
   order by id desc limit $3 offset $4`,
);

export async function listApiKeys(
  db: Queryable,
  environmentId: Uuid,
  page: { before: Uuid | null; limit: number; offset: number },
): Promise<ApiKeyRow[]> {
  return db.query(list, [environmentId, page.before ?? AFTER_ALL, page.limit, page.offset]);
}

const lockAdmins = statement<{ id: Uuid }>(
  'api_key_lock_admins',
  `select id from api_key
   where environment_id = $1 and scope = 'admin' and (expires_at is null or expires_at > $2)
   order by id for update`,
);

/** The admin keys that work now. Locked, so that of two that are deleted at the same time the second sees the first gone. */
export async function lockAdminKeys(tx: Queryable, environmentId: Uuid, now: Date): Promise<Uuid[]> {
  return (await tx.query(lockAdmins, [environmentId, now])).map(({ id }) => id);
}

const lock = statement<ApiKeyRow>(
  'api_key_lock',
  `select ${COLUMNS} from api_key where environment_id = $1 and id = $2 for update`,
);

export async function lockApiKey(tx: Queryable, environmentId: Uuid, id: Uuid): Promise<ApiKeyRow | undefined> {
  return (await tx.query(lock, [environmentId, id]))[0];
}

const update = statement<ApiKeyRow>(
  'api_key_update',
  `update api_key set name = $3, expires_at = $4, rate_limit = $5 where environment_id = $1 and id = $2
   returning ${COLUMNS}`,
);

export async function updateApiKey(tx: Queryable, row: ApiKeyRow): Promise<ApiKeyRow | undefined> {
  return (await tx.query(update, [row.environment_id, row.id, row.name, row.expires_at, row.rate_limit]))[0];
}

const replace = statement<ApiKeyRow>(
  'api_key_replace',
  `update api_key set digest = $3, key = $4, last4 = $5 where environment_id = $1 and id = $2 returning ${COLUMNS}`,
);

/** Puts another key in place of the one that was there; everything else of it stays. */
export async function replaceApiKey(
  tx: Queryable,
  environmentId: Uuid,
  id: Uuid,
  { digest, key, last4 }: StoredKey,
): Promise<ApiKeyRow | undefined> {
  return (await tx.query(replace, [environmentId, id, digest, key, last4]))[0];
}

const remove = statement<{ id: Uuid }>(
  'api_key_delete',
  'delete from api_key where environment_id = $1 and id = $2 returning id',
);

export async function deleteApiKey(db: Queryable, environmentId: Uuid, id: Uuid): Promise<boolean> {
  return (await db.query(remove, [environmentId, id])).length > 0;
}

const any = statement<{ id: Uuid }>('api_key_any', 'select id from api_key limit 1');

export async function hasApiKeys(db: Queryable): Promise<boolean> {
  return (await db.query(any, [])).length > 0;
}

const used = statement(
  'api_key_used',
  `update api_key as k set last_used_at = greatest(k.last_used_at, u.at)
   from unnest($1::uuid[], $2::timestamptz[]) as u(id, at) where k.id = u.id`,
);

/** Notes when keys were last used. @param uses in the order of their ids, in which their rows are then locked. */
export async function noteKeyUses(db: Queryable, uses: readonly { id: Uuid; at: Date }[]): Promise<void> {
  await db.query(used, [uses.map(({ id }) => id), uses.map(({ at }) => at)]);
}
