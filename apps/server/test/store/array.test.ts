import { afterAll, beforeAll, expect, test } from 'vitest';
import { plainArray, textArray } from '../../src/store/array.ts';
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

  test('of plain values brings back numbers, booleans, ids and nulls', async () => {
    const id = '0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b';
    const echo = statement<{ n: number | null; b: boolean | null; u: string | null; w: string | null }>(
      '',
      'select * from unnest($1::float8[], $2::boolean[], $3::uuid[], $4::text[]) as v(n, b, u, w)',
    );
    const items = [
      { n: 1.5, b: true, u: id, w: 'PENDING' },
      { n: -2e-7, b: false, u: null, w: 'SENT' },
      { n: null, b: null, u: id, w: null },
    ];
    const rows = await stage.db.query(echo, [
      plainArray(items, ({ n }) => n),
      plainArray(items, ({ b }) => b),
      plainArray(items, ({ u }) => u),
      plainArray(items, ({ w }) => w),
    ]);
    expect(rows).toEqual(items);
    expect(await stage.db.query(ECHO, [plainArray([], () => null)])).toEqual([]);
  });
});
