import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase, statement } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { ensureTenancy } from '../../src/store/tenancy.ts';
import { tenantOf } from '../../src/store/tenant.ts';
import { createTestDatabase, type TestDatabase } from '../kit/database.ts';

const ask = (text: string) => statement<Record<string, unknown>>('', text);

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('the role of tenants (PostgreSQL)', () => {
  let database: TestDatabase;
  let admin: Database;
  const user = `postrider_test_${randomBytes(6).toString('hex')}`;
  const open: Database[] = [];

  beforeEach(async () => {
    database = await createTestDatabase('postgresql');
    admin = await connect();
    await admin.script(`create role ${user} login password 'pass'; grant all on schema public to ${user}`);
  });
  afterEach(async () => {
    await admin.script(`drop owned by ${user}; drop role ${user}`);
    for (const db of open.splice(0)) await db.close();
    await database.drop();
  });

  async function connect(url = database.databaseUrl ?? ''): Promise<Database> {
    const db = await openDatabase({ kind: 'postgresql', url, poolSize: 2 }, () => {});
    open.push(db);
    return db;
  }

  async function asUser(): Promise<Database> {
    const url = new URL(database.databaseUrl ?? '');
    url.username = user;
    url.password = 'pass';
    const db = await connect(url.href);
    await migrate(db);
    return db;
  }

  test('is not there for a user who may not become it: the start learns what an administrator is to do', async () => {
    await ensureTenancy(admin);
    const db = await asUser();
    const remedy = await ensureTenancy(db);
    expect(remedy).toBe(`as an administrator: grant postrider_tenant to ${user};`);
    await admin.script(remedy?.replace('as an administrator: ', '') ?? '');
    expect(await ensureTenancy(db)).toBeNull();
    const seen = tenantOf(db, '01999999-0000-7000-8000-000000000000' as never).query(ask('select 1 from message'), []);
    expect(await seen).toEqual([]);
  });

  test('is joined by a user who may make roles, once and for all', async () => {
    await admin.script(`alter role ${user} createrole`);
    const db = await asUser();
    expect(await ensureTenancy(db)).toBeNull();
    expect(await ensureTenancy(db)).toBeNull();
    const [row] = await db
      .after({ sql: 'set local role postrider_tenant', label: '' })
      .query(ask('select current_user::text as name'), []);
    expect(row).toEqual({ name: 'postrider_tenant' });
  });

  test('is set up by processes of several databases that start at once', async () => {
    const others = await Promise.all([1, 2, 3].map(() => createTestDatabase('postgresql')));
    const all = await Promise.all(
      [database, database, ...others].map(async ({ databaseUrl }) => {
        const db = await connect(databaseUrl ?? '');
        await migrate(db);
        return db;
      }),
    );
    expect(await Promise.all(all.map((db) => ensureTenancy(db)))).toEqual(all.map(() => null));
    for (const db of open.splice(1)) await db.close();
    for (const other of others) await other.drop();
  });
});
