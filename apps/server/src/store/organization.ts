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
