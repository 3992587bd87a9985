import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../kit/database.ts';
import { newKey, settings } from '../kit/postrider.ts';
import { ServerProcess } from '../kit/server-process.ts';

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('an empty PostgreSQL', () => {
  let database: TestDatabase;
  afterEach(() => database.drop());

  // Several rounds: what goes wrong when two make the same thing goes wrong now and then.
  test.for([1, 2, 3])('is set up by one of three processes that start at once: round %i', async () => {
    database = await createTestDatabase('postgresql');
    const env = settings(database, newKey());
    const servers = [1, 2, 3].map(() => new ServerProcess(env));
    await Promise.allSettled(servers.map((server) => server.ready()));
    expect(servers.map(({ stderr }) => stderr)).toEqual(['', '', '']);
    for (const server of servers) expect(await server.stop()).toEqual({ code: 0, signal: null });

    // The master key in the folder is the one that the database was made with.
    const later = await ServerProcess.start(env);
    expect(await later.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('a new data folder', () => {
  let dataDir: string;
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  // The first start makes the engine's files, which takes seconds; these are moments of it.
  test.for([300, 700, 1_100, 1_600])('survives kill -9 %i ms into its first start', async (ms) => {
    dataDir = mkdtempSync(join(tmpdir(), 'postrider-test-'));
    const env = { POSTRIDER_PORT: '0', POSTRIDER_DATA_DIR: dataDir };
    const first = new ServerProcess(env);
    await delay(ms);
    await first.kill();
    const second = await ServerProcess.start(env);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
  });
});
