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
  readonly created_at: Date;
}

const COLUMNS = 'id, environment_id, name, scope, last4, created_at';

const byDigest = statement<ApiKeyRow>('api_key_by_digest', `select ${COLUMNS} from api_key where digest = $1`);

export async function findApiKey(db: Queryable, digest: Buffer): Promise<ApiKeyRow | undefined> {
  return (await db.query(byDigest, [digest]))[0];
}

const insert = statement<ApiKeyRow>(
  'api_key_insert',
  `insert into api_key (id, environment_id, name, scope, digest, last4) values ($1, $2, $3, $4, $5, $6)
   on conflict (digest) do nothing returning ${COLUMNS}`,
);

/** @returns the row, or undefined where this very key exists. */
export async function insertApiKey(
  db: Queryable,
  key: { id: Uuid; environmentId: Uuid; name: string; scope: Scope; digest: Buffer; last4: string },
): Promise<ApiKeyRow | undefined> {
  return (await db.query(insert, [key.id, key.environmentId, key.name, key.scope, key.digest, key.last4]))[0];
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
