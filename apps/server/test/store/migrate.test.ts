import { afterEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase, statement } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { DAY_MS, ensurePartitions } from '../../src/store/partition.ts';
import { createTestDatabase, onBothDatabases, type TestDatabase } from '../kit/database.ts';

let database: TestDatabase;
const open: Database[] = [];

afterEach(async () => {
  for (const db of open.splice(0)) await db.close();
  await database.drop();
});

async function connect(): Promise<Database> {
  const db = await openDatabase(database.target, () => {});
  open.push(db);
  return db;
}

onBothDatabases('migrating', (kind) => {
  test('runs what is new, in order, and nothing twice', async () => {
    database = await createTestDatabase(kind);
    const db = await connect();
    const first = await migrate(db);
    expect(first[0]).toBe('0001_initial.sql');
    expect(first).toEqual(first.toSorted());
    expect(await migrate(db)).toEqual([]);
    const ledger = await db.query<{ name: string }>(statement('', 'select name from migration order by name'), []);
    expect(ledger.map((row) => row.name)).toEqual(first);
  });
});

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('processes that start together (PostgreSQL)', () => {
  test('migrate once', async () => {
    database = await createTestDatabase('postgresql');
    const processes = await Promise.all([connect(), connect(), connect(), connect()]);
    const ran = await Promise.all(processes.map((db) => migrate(db)));
    expect(ran.flat()).toHaveLength(new Set(ran.flat()).size);
    expect(ran.flat().length).toBeGreaterThan(0);
  });

  test.each([
    [
      'each in a transaction',
      (db: Database, to: number) => db.transaction((tx) => ensurePartitions(tx, Date.now(), to)),
    ],
    ['statement by statement', (db: Database, to: number) => ensurePartitions(db, Date.now(), to)],
  ])('make each partition once, %s', async (_, make) => {
    database = await createTestDatabase('postgresql');
    const processes = await Promise.all([connect(), connect(), connect(), connect()]);
    await migrate(processes[0] as Database);
    for (const days of [0, 1, 2, 3]) await Promise.all(processes.map((db) => make(db, Date.now() + days * DAY_MS)));
    const rows = await processes[0]?.query<{ count: number }>(
      statement('', "select count(*)::integer from pg_inherits where inhparent = 'delivery'::regclass"),
      [],
    );
    expect(rows).toEqual([{ count: 5 }]);
  });
});
