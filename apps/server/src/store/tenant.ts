import type { Uuid } from '../core/ids.ts';
import type { Database, Transactional } from './database.ts';
import { ENVIRONMENT_SETTING, TENANT_ROLE } from './tenancy.ts';

/** The database as one environment sees it. */
export type Tenant = Transactional;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * What a caller of this environment reads and writes goes through here: as a role for whom rows of other environments are
 * not there (tenancy.ts), whatever a statement forgets to say.
 */
export function tenantOf(db: Database, environmentId: Uuid): Tenant {
  // It becomes part of a statement.
  if (!UUID.test(environmentId)) throw new TypeError('an environment id is a UUID');
  return db.after({
    sql: `set local role ${TENANT_ROLE}; set local ${ENVIRONMENT_SETTING} = '${environmentId}'`,
    label: 'tenant_',
  });
}
