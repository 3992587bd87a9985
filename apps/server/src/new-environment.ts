import { newId, type Uuid } from './core/ids.ts';
import { storedKey } from './crypto/api-key.ts';
import type { Vault } from './crypto/vault.ts';
import { insertApiKey } from './store/api-key.ts';
import { insertApplication } from './store/application.ts';
import type { Queryable } from './store/database.ts';
import { type EnvironmentRow, insertEnvironment } from './store/environment.ts';

/** An environment with what every one has: a data key and a default application. */
export async function makeEnvironment(
  tx: Queryable,
  vault: Vault,
  of: { organizationId: Uuid } & Pick<EnvironmentRow, 'name' | 'mode'>,
): Promise<{ environment: EnvironmentRow; applicationId: Uuid }> {
  const [id, applicationId] = [newId(), newId()];
  const { wrapped } = vault.newDataKey(id);
  const { organizationId: organization_id, name, mode } = of;
  const environment = await insertEnvironment(tx, { id, organization_id, name, mode, data_key: wrapped });
  await insertApplication(tx, {
    ...{
      id: applicationId,
      environment_id: id,
      uid: null,
      name: 'Default application',
      metadata: {},
      is_default: true,
    },
  });
  return { environment, applicationId };
}

/** Lets this very key in, with all it may. One that is known stays as it is. */
export async function makeAdminKey(
  tx: Queryable,
  vault: Vault,
  environment: EnvironmentRow,
  key: string,
  name: string,
): Promise<void> {
  const id = newId();
  const stored = storedKey(vault.unwrap(environment.id, environment.data_key), id, key);
  await insertApiKey(tx, { id, environmentId: environment.id, name, scope: 'admin', ...stored });
}
