import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Embedded, openEmbedded } from '../../src/store/embedded/open.ts';
import { createTestDatabase, type TestDatabase } from '../kit/database.ts';

let database: TestDatabase;
let embedded: Embedded;

beforeAll(async () => {
  database = await createTestDatabase('embedded');
  if (database.target.kind !== 'embedded') throw new Error('not embedded');
  embedded = await openEmbedded(database.target.folder, () => {});
});
afterAll(async () => {
  await embedded.close();
  await database.drop();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ stream: embedded.stream, user: 'postgres', database: 'postgres' });
  await client.connect();
  return client;
}

test('a connection gets its own answers, though the one before hung up with answers on their way', async () => {
  for (let n = 0; n < 3; n++) {
    const before = await connect();
    // Refused at its first message; the answer to the last is still to come when this connection is gone.
    await expect(before.query('select $1::integer', ['x'])).rejects.toThrow(/invalid input/);
    void before.end();
    const after = await connect();
    for (const value of [1, 2, 3]) {
      expect((await after.query('select $1::integer as value', [value])).rows).toEqual([{ value }]);
    }
    await after.end();
  }
});

test('a connection that hangs up leaves no transaction, no statement and no setting behind', async () => {
  const before = await connect();
  await before.query({ name: 'mine', text: 'select 1 as one' });
  await before.query("set application_name = 'before'");
  await before.query('begin');
  await before.query('create table left_behind (id integer)');
  await before.end();
  const after = await connect();
  expect((await after.query("select to_regclass('left_behind') as found")).rows).toEqual([{ found: null }]);
  expect((await after.query({ name: 'mine', text: 'select 2 as two' })).rows).toEqual([{ two: 2 }]);
  expect((await after.query("select current_setting('application_name') as name")).rows).not.toEqual([
    { name: 'before' },
  ]);
  await after.end();
});
