import type { Uuid } from '../core/ids.ts';
import type { Keeping } from '../core/retention.ts';
import { type Queryable, statement } from './database.ts';

export interface EnvironmentRow {
  readonly id: Uuid;
  readonly name: string;
  readonly mode: 'live' | 'test';
  /** Wrapped (crypto/vault.ts). */
  readonly data_key: Buffer;
}

const list = statement<EnvironmentRow>(
  'environment_list',
  'select id, name, mode, data_key from environment order by id',
);

export async function listEnvironments(db: Queryable): Promise<EnvironmentRow[]> {
  return db.query(list, []);
}

const read = statement<EnvironmentRow>(
  'environment_read',
  'select id, name, mode, data_key from environment where id = $1',
);

export async function readEnvironment(db: Queryable, id: Uuid): Promise<EnvironmentRow | undefined> {
  return (await db.query(read, [id]))[0];
}

const insert = statement(
  'environment_insert',
  'insert into environment (id, name, mode, data_key) values ($1, $2, $3, $4)',
);

export async function insertEnvironment(db: Queryable, row: EnvironmentRow): Promise<void> {
  await db.query(insert, [row.id, row.name, row.mode, row.data_key]);
}

const keepings = statement<Keeping>(
  'environment_keepings',
  'select id as "environmentId", retention_days as days from environment order by id',
);

/** How long each environment keeps its rows. */
export async function listKeepings(db: Queryable): Promise<Keeping[]> {
  return db.query(keepings, []);
}
