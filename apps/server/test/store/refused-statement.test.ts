import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, statement } from '../../src/store/database.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

// Found: the driver's pool closes a connection whose statement was refused. The embedded engine has one session, and
// its answer to the old connection's last message reached the new one: every call then got the answer of another.
onBothDatabases('a statement that the database refuses', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
    await stage.db.script('create table note (id integer primary key, text text)');
  });
  afterAll(() => stage.close());

  const insert = statement('note_insert', 'insert into note values ($1, $2)');
  const divide = statement('note_divide', 'select 1 / $1::integer');
  const echo = statement<{ n: number; text: string }>('note_echo', 'select $1::integer as n, $2::text as text');

  const refused: [string, (db: Database) => Promise<unknown>, RegExp][] = [
    ['for a value that is no integer', (db) => db.query(insert, ['x', '']), /invalid input syntax/],
    ['for a NUL', (db) => db.query(insert, [1, '\0']), /0x00/],
    ['for its syntax', (db) => db.query(statement('', 'selec 1'), []), /syntax/],
    ['while it runs', (db) => db.query(divide, [0]), /division by zero/],
    ['in a script', (db) => db.script('select 1; selec 1; select 2'), /syntax/],
    ['in a transaction', (db) => db.transaction((tx) => tx.query(divide, [0])), /division by zero/],
    [
      'for a row that is there',
      (db) => db.transaction(async (tx) => [await tx.query(insert, [7, '']), await tx.query(insert, [7, ''])]),
      /duplicate key/,
    ],
    ['before it is sent', (db) => db.query(statement('note_echo', 'select 1'), []), /must be unique/],
  ];

  test.each(refused)('%s leaves the answers that follow alone', async (_, run, reason) => {
    await expect(run(stage.db)).rejects.toThrow(reason);
    for (let n = 0; n < 3; n++) {
      expect(await stage.db.query(echo, [n, `${n}`])).toEqual([{ n, text: `${n}` }]);
      expect(await stage.db.query(insert, [100 + n, 'x'])).toEqual([]);
    }
    await stage.sql('delete from note');
  });

  test('amid many others fails alone', async () => {
    const calls = Array.from({ length: 60 }, (_, n) =>
      n % 7 === 3
        ? stage.db.query(divide, [0]).then(
            () => 'divided',
            () => 'refused',
          )
        : stage.db.query(echo, [n, `t${n}`]),
    );
    expect(await Promise.all(calls)).toEqual(
      Array.from({ length: 60 }, (_, n) => (n % 7 === 3 ? 'refused' : [{ n, text: `t${n}` }])),
    );
  });

  test.skipIf(kind === 'embedded')('does not cost the connection', async () => {
    const pids = async () => {
      const rows = await Promise.all(
        Array.from({ length: 20 }, () => stage.sql<{ pid: number }>('select pg_backend_pid() as pid')),
      );
      return new Set(rows.flat().map((row) => row.pid));
    };
    const before = await pids();
    for (let n = 0; n < 10; n++) await expect(stage.db.query(divide, [0])).rejects.toThrow(/zero/);
    expect([...(await pids())].filter((pid) => !before.has(pid))).toEqual([]);
  });
});
