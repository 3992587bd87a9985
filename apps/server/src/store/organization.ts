import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

export interface OrganizationRow {
  readonly id: Uuid;
  readonly name: string;
  readonly created_at: Date;
}

const insert = statement('organization_insert', 'insert into organization (id, name) values ($1, $2)');

export async function insertOrganization(db: Queryable, row: Pick<OrganizationRow, 'id' | 'name'>): Promise<void> {
  await db.query(insert, [row.id, row.name]);
}

const list = statement<OrganizationRow>(
  'organization_list',
  'select id, name, created_at from organization order by id',
);

export async function listOrganizations(db: Queryable): Promise<OrganizationRow[]> {
  return db.query(list, []);
}

const COLUMNS = 'o.id, o.name, o.created_at';

const read = statement<OrganizationRow>(
  'organization_read',
  `select ${COLUMNS} from environment e join organization o on o.id = e.organization_id where e.id = $1`,
);

/** Whose this environment is. */
export async function readOrganization(db: Queryable, environmentId: Uuid): Promise<OrganizationRow | undefined> {
  return (await db.query(read, [environmentId]))[0];
}

const rename = statement<OrganizationRow>(
  'organization_rename',
  `update organization o set name = $2
   where id = (select organization_id from environment where id = $1) returning ${COLUMNS}`,
);

export async function renameOrganization(
  tx: Queryable,
  environmentId: Uuid,
  name: string,
): Promise<OrganizationRow | undefined> {
  return (await tx.query(rename, [environmentId, name]))[0];
}

/** An environment as others of its organization see it. */
export interface Sibling {
  readonly id: Uuid;
  readonly name: string;
  readonly mode: 'live' | 'test';
}

const siblings = statement<Sibling>(
  'organization_siblings',
  'select id, name, mode from sibling_environment where of_environment = $1 order by id',
);

/** All environments of the organization that this one is of, itself among them. */
export async function listSiblings(db: Queryable, environmentId: Uuid): Promise<Sibling[]> {
  return db.query(siblings, [environmentId]);
}
