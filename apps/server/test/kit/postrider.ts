import { randomBytes } from 'node:crypto';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { type Postrider, type Substitutes, startPostrider } from '../../src/postrider.ts';
import { Api } from './api.ts';
import type { TestDatabase } from './database.ts';

/** A Postrider in this process, on its own database, that may send to loopback. */
export interface TestPostrider {
  readonly url: string;
  /** An admin key of the environment Test. */
  readonly key: string;
  /** Calls with that key. */
  readonly api: Api;
  stop(): Promise<void>;
}

export async function startTestPostrider(
  database: TestDatabase,
  options: { env?: Record<string, string>; substitutes?: Substitutes } = {},
): Promise<TestPostrider> {
  const key = newKey();
  const config = readConfig({ ...settings(database, key), ...options.env });
  const postrider: Postrider = await startPostrider(config, createLog('silent'), options.substitutes);
  if (!postrider.url) throw new Error('a test Postrider has the api role');
  return { url: postrider.url, key, api: new Api(postrider.url, key), stop: () => postrider.stop() };
}

/** Settings of a Postrider under test, as its process would be given them. */
export function settings(database: TestDatabase, key: string): Record<string, string> {
  return {
    POSTRIDER_PORT: '0',
    POSTRIDER_DATA_DIR: database.dataDir,
    ...(database.databaseUrl && { POSTRIDER_DATABASE_URL: database.databaseUrl }),
    POSTRIDER_BOOTSTRAP_API_KEY: key,
    POSTRIDER_EGRESS_ALLOW: '127.0.0.0/8',
    POSTRIDER_EGRESS_HTTP: '1',
    POSTRIDER_EGRESS_PORTS: '*',
  };
}

export function newKey(mode: 'live' | 'test' = 'test'): string {
  return `pr_${mode}_${randomBytes(24).toString('hex')}`;
}
