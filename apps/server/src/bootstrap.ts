import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from './config.ts';
import { newId } from './core/ids.ts';
import { apiKeyMode, isApiKey, newApiKey } from './crypto/api-key.ts';
import { SealError, type Vault } from './crypto/vault.ts';
import type { Log } from './log.ts';
import { makeAdminKey, makeEnvironment } from './new-environment.ts';
import { writeSecretFile } from './secret-file.ts';
import { hasApiKeys } from './store/api-key.ts';
import { type Database, type Queryable, statement } from './store/database.ts';
import { type EnvironmentRow, listEnvironments } from './store/environment.ts';
import { insertOrganization } from './store/organization.ts';

/** What the very first start makes: an organization with two environments with their default applications, an admin key. */

const ADMIN_KEY_FILE = 'admin.key';

// So that processes which start together on a new database make it once.
const lock = statement('bootstrap_lock', 'select pg_advisory_xact_lock(7243392119)');

/**
 * Makes what a new database lacks. An admin key is generated only where no key exists and none is configured; it is
 * written to a file in the data folder, not to the log.
 */
export async function bootstrap(db: Database, vault: Vault, config: Config, log: Log): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(lock, []);
    const environments = await ensureEnvironments(tx, vault);
    for (const environment of environments) proveMasterKey(vault, environment);
    if (config.bootstrapApiKey) await addKey(tx, vault, environments, config.bootstrapApiKey, 'bootstrap');
    if (await hasApiKeys(tx)) return;
    const file = writeSecretFile(config.dataDir, ADMIN_KEY_FILE, newApiKey('live'));
    // Read back: the file may be there from an earlier database, and then its key is the one people have.
    const key = readFileSync(file, 'utf8').trim();
    if (!isApiKey(key)) throw new Error(`${file} does not hold an API key; remove it`);
    await addKey(tx, vault, environments, key, 'first start');
    log.info({ file }, 'the admin API key of this new database is in this file');
  });
}

/** Whoever holds another master key learns it here and not from the first delivery. */
function proveMasterKey(vault: Vault, environment: EnvironmentRow): void {
  try {
    vault.unwrap(environment.id, environment.data_key);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new ConfigError(
      'POSTRIDER_MASTER_KEY',
      `does not open the environment ${JSON.stringify(environment.name)}, which another master key wrapped; set that one, or both`,
    );
  }
}

async function ensureEnvironments(tx: Queryable, vault: Vault): Promise<EnvironmentRow[]> {
  const existing = await listEnvironments(tx);
  if (existing.length > 0) return existing;
  const made: EnvironmentRow[] = [];
  const organizationId = newId();
  await insertOrganization(tx, { id: organizationId, name: 'My organization' });
  for (const { name, mode } of [
    { name: 'Production', mode: 'live' },
    { name: 'Test', mode: 'test' },
  ] as const) {
    made.push((await makeEnvironment(tx, vault, { organizationId, name, mode })).environment);
  }
  return made;
}

async function addKey(
  tx: Queryable,
  vault: Vault,
  environments: readonly EnvironmentRow[],
  key: string,
  name: string,
): Promise<void> {
  const environment = environments.find(({ mode }) => mode === apiKeyMode(key));
  if (!environment) throw new Error(`there is no ${apiKeyMode(key)} environment for the ${name} key`);
  await makeAdminKey(tx, vault, environment, key, name);
}
