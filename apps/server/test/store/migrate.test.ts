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

onBothDatabases('migrating, where paused endpoints were deleted with their application', (kind) => {
  test('lets their lanes go, and no others', async () => {
    database = await createTestDatabase(kind);
    const db = await connect();
    const NAME = '0018_lanes_let_go.sql';
    await migrate(db);
    await db.script(
      `insert into organization (id, name) values ('10000000-0000-7000-8000-000000000000', 'o');
       insert into environment (id, organization_id, name, mode, data_key)
       select id, id, 'e', 'test', '' from organization;
       insert into application (id, environment_id, name) select id, id, 'a' from environment;
       insert into endpoint (id, environment_id, application_id, type, url, events, secret, retry_policy,
         timeout_seconds, status)
       select id, id, id, 'webhook', 'https://a.test', '{*}', '', '"default"', 30, 'paused' from environment;
       insert into lane (endpoint_id, next_at, held_by, held_until)
       select ('00000000-0000-7000-8000-00000000000' || n)::uuid, now() - interval '1 hour',
         case when n < 3 then 'paused' end, case n when 1 then 'infinity'::timestamptz when 2 then now() + interval '9 years' end
       from generate_series(1, 3) n
       union all select id, now(), 'paused', 'infinity' from endpoint;
       update lane set is_blocked = true, next_at = now() + interval '1 day'
       where endpoint_id = '00000000-0000-7000-8000-000000000003';
       delete from migration where name = '${NAME}'`,
    );
    expect(await migrate(db)).toEqual([NAME]);
    const rows = await db.query<{ lane: string }>(
      statement(
        '',
        `select concat_ws(' ', left(endpoint_id::text, 1), coalesce(held_by, 'free'), is_blocked, ready_at <= now()) as lane
         from lane order by endpoint_id`,
      ),
      [],
    );
    expect(rows.map(({ lane }) => lane)).toEqual(['0 free f t', '0 free f t', '0 free f t', '1 paused f f']);
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
