import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Uuid } from '../../src/core/ids.ts';
import { hasSqlState, type Queryable, statement } from '../../src/store/database.ts';
import { ensureTenancy, tablesWithoutPolicy } from '../../src/store/tenancy.ts';
import { tenantOf } from '../../src/store/tenant.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

/** Tables without environment_id. Whose a new one's rows are is to be thought of here, and in store/tenancy.ts. */
const OTHER_TABLES = [
  'backbone_worker',
  'change',
  'change_counter',
  'environment',
  'lane',
  'leader',
  'lease_watch',
  'migration',
  'organization',
  'portal_request_count',
  'request_count',
  'source_process',
];
const CLOSED = ['leader', 'migration', 'portal_request_count', 'request_count'];

/** Something that a column of this type can hold. */
const FILLING: Readonly<Record<string, string>> = {
  uuid: 'gen_random_uuid()',
  text: 'md5(random()::text)',
  bytea: `decode(md5(random()::text), 'hex')`,
  boolean: 'false',
  smallint: '1',
  integer: '1',
  bigint: '1',
  real: '1',
  'double precision': '1',
  json: `'{}'`,
  jsonb: `'{}'`,
  date: 'now()',
  'timestamp with time zone': 'now()',
  'text[]': `'{}'`,
  'uuid[]': `'{}'`,
  'integer[]': `'{}'`,
};

const OURS = `c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`;

onBothDatabases('a statement that forgets whose rows it is about', (kind) => {
  let stage: Stage;
  let mine: Uuid;
  let theirs: Uuid;
  let tables: string[];

  const asTenant = <Row = object>(text: string, values: readonly unknown[] = [], environment = mine) =>
    tenantOf(stage.db, environment).query(statement<Row>('', text), values);

  /** Runs it as a tenant and undoes it. */
  async function undone<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const undo = new Error('undo');
    let rows: Row[] = [];
    await tenantOf(stage.db, mine)
      .transaction(async (tx) => {
        rows = await tx.query(statement<Row>('', text), values);
        throw undo;
      })
      .catch((error: unknown) => {
        if (error !== undo) throw error;
      });
    return rows;
  }

  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => (hasSqlState(error, '42501') ? 'refused' : String(error)),
    );

  /** Those that a row comes with; others the database makes of them. */
  const columnsOf = (table: string) =>
    stage.sql<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, null) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      [table],
    );

  /** Something in every table that has an environment_id, whatever its columns mean. */
  async function fill(environment: Uuid): Promise<void> {
    for (const table of tables) {
      const columns = await columnsOf(table);
      const values = columns.map(({ name, type }) => {
        if (name === 'environment_id') return `'${environment}'`;
        const value = FILLING[type];
        if (!value) throw new Error(`say what ${table}.${name}, a ${type}, can hold`);
        return value;
      });
      await stage.sql(`insert into ${table} (${columns.map(({ name }) => name)}) values (${values})`);
    }
  }

  beforeAll(async () => {
    stage = await openStage(kind);
    mine = stage.environment;
    theirs = await stage.addEnvironment();
    expect(await ensureTenancy(stage.db)).toBeNull();
    const withEnvironment = await stage.sql<{ name: string }>(
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
       where ${OURS} and a.attname = 'environment_id' order by 1`,
    );
    tables = withEnvironment.map(({ name }) => name);
    await stage.sql(
      `do $$ declare it record; begin
         for it in select conname, conrelid::regclass as of from pg_constraint c join pg_class t on t.oid = conrelid
           where contype in ('c', 'f') and connamespace = current_schema()::regnamespace and not t.relispartition
             and coninhcount = 0 loop
           execute format('alter table %s drop constraint %I', it.of, it.conname);
         end loop;
       end $$`,
    );
    await fill(mine);
    await fill(theirs);
  });
  afterAll(() => stage.close());

  test('cannot be about a table that nobody thought of', async () => {
    const all = await stage.sql<{ name: string }>(`select c.relname as name from pg_class c where ${OURS} order by 1`);
    expect(all.map(({ name }) => name).filter((name) => !tables.includes(name))).toEqual(OTHER_TABLES);
    expect(await tablesWithoutPolicy(stage.db)).toEqual([]);
    expect(tables.length).toBeGreaterThan(10);
  });

  test('finds a new table as closed as the others after the next start', async () => {
    await stage.db.script('create table newcomer (id uuid primary key, environment_id uuid not null)');
    expect(await refusal(asTenant('select from newcomer'))).toBe('refused');
    expect(await tablesWithoutPolicy(stage.db)).toEqual(['newcomer']);
    expect(await ensureTenancy(stage.db)).toBeNull();
    await stage.sql('insert into newcomer select gen_random_uuid(), id from environment');
    expect(await asTenant('select environment_id from newcomer')).toEqual([{ environment_id: mine }]);
    await stage.db.script('drop table newcomer');
  });

  test('reads the rows of its own environment alone, in every table', async () => {
    for (const table of tables) {
      const seen = await asTenant<{ environment_id: Uuid }>(`select distinct environment_id from ${table}`);
      expect({ [table]: seen }).toEqual({ [table]: [{ environment_id: mine }] });
    }
    expect(await asTenant('select id from environment')).toEqual([{ id: mine }]);
    expect(await asTenant('select id from organization')).toHaveLength(1);
  });

  test('changes and deletes no others', async () => {
    for (const table of tables) {
      const count = async (sql: string) => (await undone<object>(sql)).length;
      const [own] = await asTenant<{ n: number }>(`select count(*)::integer as n from ${table}`);
      expect(await count(`update ${table} set environment_id = environment_id returning 1`), table).toBe(own?.n);
      expect(await count(`delete from ${table} returning 1`), table).toBe(own?.n);
    }
  });

  test('gives nothing away to another environment', async () => {
    for (const table of tables) {
      const given = asTenant(`update ${table} set environment_id = $1`, [theirs]);
      expect({ [table]: await refusal(given) }).toEqual({ [table]: 'refused' });
    }
  });

  test('puts no row into another environment', async () => {
    for (const table of tables) {
      const [row] = await stage.sql<{ row: object }>(
        `select to_json(t) as row from ${table} as t where environment_id = $1`,
        [theirs],
      );
      const columns = (await columnsOf(table)).map(({ name }) => name);
      const put = undone(
        `insert into ${table} (${columns}) select ${columns} from json_populate_record(null::${table}, $1)`,
        [JSON.stringify(row?.row)],
      );
      expect({ [table]: await refusal(put) }).toEqual({ [table]: 'refused' });
    }
  });

  test('neither makes nor deletes environments and organizations, nor renames another’s', async () => {
    for (const table of ['environment', 'organization']) {
      expect(await refusal(undone(`delete from ${table}`))).toBe('refused');
      expect(await refusal(undone(`insert into ${table} (id, name) values (gen_random_uuid(), 'x')`))).toBe('refused');
      const renamed = await undone(`update ${table} set name = 'x' returning name`);
      expect(renamed).toHaveLength(1);
    }
    expect(await refusal(undone('update environment set id = $1', [theirs]))).toBe('refused');
  });

  test('learns of other environments of its organization what they are called, and nothing of others', async () => {
    await stage.sql('update environment set organization_id = $1 where id = any($2::uuid[])', [mine, [mine, theirs]]);
    const stranger = await stage.addEnvironment();
    const seen = await asTenant<{ id: Uuid }>('select id from sibling_environment order by id');
    expect(seen).toEqual([{ id: mine }, { id: theirs }]);
    expect(await asTenant('select id from sibling_environment', [], stranger)).toEqual([{ id: stranger }]);
    expect(await refusal(undone(`update sibling_environment set name = 'x'`))).not.toBe('done');
    await stage.sql('update environment set organization_id = id where id = $1', [theirs]);
  });

  test('sees nothing where no environment is named, and what is not for tenants not at all', async () => {
    const nobody = stage.db.after({ sql: 'set local role postrider_tenant', label: '' });
    const count = async (db: Queryable, table: string) =>
      (await db.query(statement<object>('', `select 1 from ${table}`), [])).length;
    for (const table of [...tables, 'environment', 'organization', 'sibling_environment'])
      expect(await count(nobody, table), table).toBe(0);
    for (const table of [...CLOSED, 'message_default']) {
      expect({ [table]: await refusal(asTenant(`select from ${table}`)) }).toEqual({ [table]: 'refused' });
    }
  });

  test('leaves the connection to the next as it was', async () => {
    await asTenant('select 1');
    await refusal(asTenant('select 1/0'));
    await refusal(tenantOf(stage.db, mine).transaction((tx) => tx.query(statement('', 'select 1/0'), [])));
    const [row] = await stage.sql<object>(
      `select current_user = session_user as self, coalesce(current_setting('postrider.environment', true), '') as env`,
    );
    expect(row).toEqual({ self: true, env: '' });
  });

  test('is not a way out: an id that is none is refused before anything is asked', () => {
    expect(() => tenantOf(stage.db, `${mine}'; reset role; --` as Uuid)).toThrow(TypeError);
  });
});
