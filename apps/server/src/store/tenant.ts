import type { Uuid } from '../core/ids.ts';
import type { Database } from './database.ts';

/** The database as one environment sees it. */
export type Tenant = Pick<Database, 'query' | 'transaction'>;

/** What a caller of this environment reads and writes goes through here. */
export function tenantOf(db: Database, _environmentId: Uuid): Tenant {
  return db;
}
