import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, parseMasterKey } from './config.ts';
import { newId } from './core/ids.ts';
import { apiKeyMode, isApiKey, newApiKey, storedKey } from './crypto/api-key.ts';
import { SealError, Vault } from './crypto/vault.ts';
import type { Log } from './log.ts';
import { hasApiKeys, insertApiKey } from './store/api-key.ts';
import { insertApplication } from './store/application.ts';
import { type Database, type Queryable, statement } from './store/database.ts';
import { type EnvironmentRow, insertEnvironment, listEnvironments } from './store/environment.ts';
import { insertOrganization } from './store/organization.ts';

/** What the very first start makes: a master key, an organization with two environments with their default applications, an admin key. */

const MASTER_KEY_FILE = 'master.key';
const ADMIN_KEY_FILE = 'admin.key';

// So that processes which start together on a new database make it once.
const lock = statement('bootstrap_lock', 'select pg_advisory_xact_lock(7243392119)');

/** The vault under the configured master key, or under one generated into the data folder. @throws ConfigError */
export function openVault(config: Config, log: Log): Vault {
  if (config.masterKey) return new Vault(config.masterKey);
  const file = join(config.dataDir, MASTER_KEY_FILE);
  if (!existsSync(file)) {
    writeSecretFile(config.dataDir, MASTER_KEY_FILE, randomBytes(32).toString('base64'));
    log.info({ file }, 'generated a master key; keep a copy: without it the stored secrets cannot be read');
  }
  const key = parseMasterKey(readFileSync(file, 'utf8'));
  if (!key) throw new ConfigError('POSTRIDER_MASTER_KEY', `unset, and ${file} does not hold 32 bytes in base64`);
  return new Vault(key);
}

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
    throw new ConfigError('POSTRIDER_MASTER_KEY', 'not the one this database was made with; set the original');
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
    const id = newId();
    const { wrapped } = vault.newDataKey(id);
    made.push(await insertEnvironment(tx, { id, organization_id: organizationId, name, mode, data_key: wrapped }));
    await insertApplication(tx, {
      id: newId(),
      environment_id: id,
      uid: null,
      name: 'Default application',
      metadata: {},
      is_default: true,
    });
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
  const id = newId();
  const stored = storedKey(vault.unwrap(environment.id, environment.data_key), id, key);
  await insertApiKey(tx, { id, environmentId: environment.id, name, scope: 'admin', ...stored });
}

/**
 * Readable by this user alone. Whole or not at all, and never over an existing file: of two processes that start
 * together on one folder, the second finds what the first wrote.
 */
function writeSecretFile(folder: string, name: string, content: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, name);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${content}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
  return file;
}
