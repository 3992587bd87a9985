import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { DatabaseTarget } from '../apps/server/src/store/database.ts';
import type { Server } from './server.ts';

export type DatabaseKind = 'postgresql' | 'embedded';

/** A fresh database and data folder, in which engines can start one after the other. */
export interface Home {
  readonly kind: DatabaseKind;
  readonly target: DatabaseTarget;
  readonly dataDir: string;
  /** An admin key that every engine here knows. */
  readonly key: string;
  drop(): Promise<void>;
}

const POOL_SIZE = 2;

/** @param server null for the embedded database. */
export async function openHome(server: Server | null): Promise<Home> {
  const dataDir = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  const key = `pr_test_${randomBytes(24).toString('hex')}`;
  const removeFolder = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  if (!server) {
    const target = { kind: 'embedded', folder: join(dataDir, 'database') } as const;
    return { kind: 'embedded', target, dataDir, key, drop: async () => removeFolder() };
  }
  const name = `postrider_bench_${randomBytes(6).toString('hex')}`;
  await run(server.url, `create database ${name}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return {
    kind: 'postgresql',
    target: { kind: 'postgresql', url: url.href, poolSize: POOL_SIZE },
    dataDir,
    key,
    async drop() {
      removeFolder();
      await run(server.url, `drop database if exists ${name} with (force)`);
    },
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
