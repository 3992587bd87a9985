import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, type MasterKeys, parseMasterKeys } from './config.ts';
import type { Log } from './log.ts';
import { writeSecretFile } from './secret-file.ts';

const FILE = 'master.key';

/** The configured master keys, or those of the data folder's file; one is generated where there is none. @throws ConfigError */
export function masterKeysOf(config: Pick<Config, 'masterKeys' | 'dataDir'>, log: Pick<Log, 'info'>): MasterKeys {
  if (config.masterKeys) return config.masterKeys;
  const file = join(config.dataDir, FILE);
  if (!existsSync(file)) {
    writeSecretFile(config.dataDir, FILE, randomBytes(32).toString('base64'));
    log.info({ file }, 'generated a master key; keep a copy: without it the stored secrets cannot be read');
  }
  return readMasterKeys(config) ?? unreadable(file);
}

/** The same without making any; null where there is none yet. @throws ConfigError */
export function readMasterKeys(config: Pick<Config, 'masterKeys' | 'dataDir'>): MasterKeys | null {
  if (config.masterKeys) return config.masterKeys;
  const file = join(config.dataDir, FILE);
  if (!existsSync(file)) return null;
  return parseMasterKeys(readFileSync(file, 'utf8')) ?? unreadable(file);
}

function unreadable(file: string): never {
  throw new ConfigError('POSTRIDER_MASTER_KEY', `unset, and ${file} does not hold 32 bytes in base64`);
}
