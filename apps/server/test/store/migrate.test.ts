import { afterEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase, statement } from '../../src/store/database.ts';
import { rescueExpired } from '../../src/store/lease-watch.ts';
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

  test('to leases that keep their end loses none that runs', async () => {
    database = await createTestDatabase(kind);
    const db = await connect();
    const NAME = '0017_leased_until.sql';
    // As it was before: everything but this one.
    await db.script(
      `create table migration (name text primary key, applied_at timestamptz not null default now());
       insert into migration (name) values ('${NAME}')`,
    );
    await migrate(db);
    await ensurePartitions(db, Date.now(), Date.now());
    await db.script(
      `insert into delivery (id, message_id, environment_id, application_id, endpoint_id, event_type, status, due_at)
       select ('0000000' || n || '-0000-7000-8000-000000000000')::uuid, gen_random_uuid(), gen_random_uuid(),
         gen_random_uuid(), gen_random_uuid(), 'a', (array['PENDING', 'SENDING', 'SENDING', 'SENT', 'FAILED'])[n],
         case when n <= 2 then now() - interval '1 second' when n = 3 then now() + interval '1 minute' end
       from generate_series(1, 5) n;
       delete from migration where name = '${NAME}'`,
    );
    expect(await migrate(db)).toEqual([NAME]);
    const states = async () =>
      (
        await db.query<{ state: string }>(
          statement(
            '',
            "select concat_ws(' ', status, first_at is not null, has_failed) as state from delivery order by id",
          ),
          [],
        )
      ).map(({ state }) => state);
    expect(await rescueExpired(db, 10)).toBe(1);
    expect(await states()).toEqual(['PENDING t', 'PENDING t', 'SENDING f', 'SENT f', 'FAILED f t']);
    expect(await rescueExpired(db, 10, 120_000)).toBe(1);
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
