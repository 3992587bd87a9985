import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSqlState, isConnectionError, isTransient, openDatabase, statement } from '../../src/store/database.ts';
import { createTestDatabase, onBothDatabases } from '../kit/database.ts';
import { eventually, openStage, type Stage } from './stage.ts';

let stage: Stage;
const one = statement<{ one: number }>('', 'select 1 as one');

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
}

onBothDatabases('a transaction', (kind) => {
  beforeAll(async () => {
    stage = await openStage(kind);
  });
  afterAll(() => stage.close());

  test('is undone as a whole where its work rejects, and its connection is good afterwards', async () => {
    const failure = await failureOf(
      stage.db.transaction(async (tx) => {
        await tx.query(statement('', "update environment set name = 'other'"), []);
        throw new Error('changed my mind');
      }),
    );
    expect(String(failure)).toContain('changed my mind');
    expect(await stage.sql("select 1 from environment where name = 'other'")).toEqual([]);
  });

  test('is undone where a statement fails, and the error says why', async () => {
    const failure = await failureOf(
      stage.db.transaction(async (tx) => {
        await tx.query(statement('', "update environment set name = 'other'"), []);
        await tx.query(statement('', 'select 1/0'), []);
      }),
    );
    expect(hasSqlState(failure, '22012')).toBe(true);
    expect(isTransient(failure)).toBe(false);
    expect(await stage.sql("select 1 from environment where name = 'other'")).toEqual([]);
  });

  test('reads counters as numbers and times in UTC', async () => {
    const [row] = await stage.sql<object>("select 5::bigint as n, '2026-07-01 12:00'::timestamptz as at");
    expect(row).toEqual({ n: 5, at: new Date('2026-07-01T12:00:00Z') });
  });

  test('is durable whatever the server’s default', async () => {
    expect(await stage.sql('show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
  });

  test('does not compile statements of a millisecond', async () => {
    expect(await stage.sql('show jit')).toEqual([{ jit: 'off' }]);
  });
});

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('a connection that the server ends (PostgreSQL)', () => {
  beforeAll(async () => {
    stage = await openStage('postgresql');
  });
  afterAll(() => stage.close());

  const pid = statement<{ pid: number }>('', 'select pg_backend_pid() as pid');
  const terminate = statement('', 'select pg_terminate_backend($1)');
  const isGone = async (id: number) =>
    (await stage.sql('select 1 from pg_stat_activity where pid = $1', [id])).length === 0;

  // Found: the 'error' event of a connection in hand had no listener, and ended the process.
  test('between two statements of a transaction fails that transaction and nothing else', async () => {
    const failure = await failureOf(
      stage.db.transaction(async (tx) => {
        const id = (await tx.query(pid, []))[0]?.pid ?? 0;
        await stage.db.query(terminate, [id]);
        await eventually(() => isGone(id)).toBe(true);
        await tx.query(one, []);
      }),
    );
    expect(isConnectionError(failure)).toBe(true);
    expect(isTransient(failure)).toBe(true);
    expect(await stage.db.query(one, [])).toEqual([{ one: 1 }]);
  });

  test('during a statement of a transaction fails that transaction and nothing else', async () => {
    const failure = await failureOf(
      stage.db.transaction((tx) => tx.query(statement('', 'select pg_terminate_backend(pg_backend_pid())'), [])),
    );
    expect(isConnectionError(failure)).toBe(true);
    expect(await stage.db.query(one, [])).toEqual([{ one: 1 }]);
  });

  test('during a statement on its own fails that statement and nothing else', async () => {
    const failure = await failureOf(stage.sql('select pg_terminate_backend(pg_backend_pid())'));
    expect(isConnectionError(failure)).toBe(true);
    expect(await stage.db.query(one, [])).toEqual([{ one: 1 }]);
  });
});

test('a server that is not there is a connection error', async () => {
  const db = await openDatabase({ kind: 'postgresql', url: 'postgres://u@127.0.0.1:1/d', poolSize: 1 }, () => {});
  const failure = await failureOf(db.query(one, []));
  expect(isConnectionError(failure)).toBe(true);
  await db.close();
  expect(isConnectionError(await failureOf(db.query(one, [])))).toBe(true);
});

test('a folder that is open is not opened again', async () => {
  const database = await createTestDatabase('embedded');
  const db = await openDatabase(database.target, () => {});
  await expect(openDatabase(database.target, () => {})).rejects.toThrow(/in use by another Postrider/);
  await db.close();
  const again = await openDatabase(database.target, () => {});
  expect(await again.query(one, [])).toEqual([{ one: 1 }]);
  await again.close();
  await database.drop();
});
