import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, inject } from 'vitest';
import type { DatabaseTarget } from '../../src/store/database.ts';

export type DatabaseKind = 'embedded' | 'postgresql';

/** A database of one test's own: empty, migrated on first use, dropped afterwards. */
export interface TestDatabase {
  readonly kind: DatabaseKind;
  /** For the embedded database, the master key and the like. */
  readonly dataDir: string;
  readonly databaseUrl: string | null;
  readonly target: DatabaseTarget;
  drop(): Promise<void>;
}

const serverUrl = process.env.POSTRIDER_TEST_DATABASE_URL;

/** Runs the same tests on both databases. Without POSTRIDER_TEST_DATABASE_URL the PostgreSQL half counts as skipped. */
export function onBothDatabases(name: string, tests: (kind: DatabaseKind) => void): void {
  describe(`${name} (embedded)`, () => tests('embedded'));
  describe.skipIf(!serverUrl)(`${name} (PostgreSQL)`, () => tests('postgresql'));
}

/** @param server the PostgreSQL to make it on; the one of the run unless told. */
export async function createTestDatabase(kind: DatabaseKind, server = serverUrl): Promise<TestDatabase> {
  const dataDir = mkdtempSync(join(tmpdir(), 'postrider-test-'));
  if (kind === 'embedded') {
    // Made once per run: initdb takes seconds, a copy of its result does not.
    cpSync(inject('embeddedTemplate'), join(dataDir, 'database'), { recursive: true });
    return {
      kind,
      dataDir,
      databaseUrl: null,
      target: { kind: 'embedded', folder: join(dataDir, 'database') },
      drop: async () => rmSync(dataDir, { recursive: true, force: true }),
    };
  }
  if (!server) throw new Error('POSTRIDER_TEST_DATABASE_URL is not set');
  const name = `postrider_test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    kind,
    dataDir,
    databaseUrl: url.href,
    target: { kind: 'postgresql', url: url.href, poolSize: 5 },
    async drop() {
      rmSync(dataDir, { recursive: true, force: true });
      // Not forced: a pool that a test leaked shows as a failure here.
      await onServer(server, `drop database ${name}`);
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

declare module 'vitest' {
  interface ProvidedContext {
    /** A database folder fresh from initdb. */
    embeddedTemplate: string;
  }
}
