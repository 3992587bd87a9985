import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstIdAt, newId } from '../../src/core/ids.ts';
import { booleanArray, floatArray, integerArray, textArray, timeArray, uuidArray } from '../../src/store/array.ts';
import { statement } from '../../src/store/database.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from './stage.ts';

const ECHO = statement<{ value: unknown }>('', 'select value from unnest($1::text[]) as value');

onBothDatabases('an array as a parameter', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  afterAll(() => stage.close());

  test.each([
    ['nothing', []],
    ['nulls and empty texts', [null, '', null, 'null', 'NULL']],
    ['what text form would have to escape', ['{a,b}', '"', '\\', '\\"', ',', ' ', '\n', '\t{"a": "b\\n"}']],
    ['text of every width', ['é', '€', '😀', 'ﬀ', 'a😀b'.repeat(5_000)]],
    ['one item', ['one']],
  ])('of texts brings back %s', async (_name, items: (string | null)[]) => {
    const rows = await stage.db.query(ECHO, [textArray(items, (item) => item)]);
    expect(rows.map(({ value }) => value)).toEqual(items);
  });

  test('of numbers, booleans, times and ids brings them back, and nulls', async () => {
    const echo = statement(
      '',
      `select * from unnest($1::float8[], $2::integer[], $3::boolean[], $4::timestamptz[], $5::uuid[])
       as v(f, i, b, t, u)`,
    );
    const items = [
      { f: 1.5, i: 2_147_483_647, b: true, t: new Date(1_234_567_890_123), u: newId() },
      { f: -2e-7, i: -1, b: false, t: new Date('1999-12-31T23:59:59.999Z'), u: firstIdAt(0xffff_ffff_ffff) },
      { f: null, i: null, b: null, t: null, u: null },
    ];
    const echoed = (rows: typeof items) =>
      stage.db.query(echo, [
        floatArray(rows, ({ f }) => f),
        integerArray(rows, ({ i }) => i),
        booleanArray(rows, ({ b }) => b),
        timeArray(rows, ({ t }) => t),
        uuidArray(rows, ({ u }) => u),
      ]);
    expect(await echoed(items)).toEqual(items);
    expect(await echoed([])).toEqual([]);
  });
});
