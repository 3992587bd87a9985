import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { vacuumDue } from '../../src/maintenance/vacuum.ts';
import { vacuumsDue } from '../../src/store/vacuum.ts';
import { openStage, type Stage } from '../store/stage.ts';
import { sendAt } from './stage.ts';

describe('the vacuum of the embedded database', () => {
  let stage: Stage;
  const signal = new AbortController().signal;

  beforeAll(async () => {
    stage = await openStage('embedded');
  });
  afterAll(() => stage.close());

  const run = (options: { deadRows?: number; freezeAge?: number }) =>
    vacuumDue({ db: stage.db, log: createLog('silent'), ...options }, signal);
  const sizeOf = async (table: string) =>
    (await stage.sql<{ size: number }>('select pg_relation_size($1::regclass)::float8 as size', [table]))[0]?.size ?? 0;
  const updateLane = async () => {
    for (let n = 0; n < 600; n++) await stage.sql(`update lane set next_at = now() + $1 * interval '1 s'`, [n]);
    // The engine counts what it did once a second, unless asked.
    await stage.sql('select pg_stat_force_next_flush()');
  };

  test('keeps a table that is updated all the time as small as it is', async () => {
    await sendAt(stage, Date.now(), 5);
    await updateLane();
    expect((await vacuumsDue(stage.db, 1_000, 200_000_000)).map(({ table }) => table)).toContain('lane');
    await run({});
    const size = await sizeOf('lane');
    for (let n = 0; n < 3; n++) {
      await updateLane();
      await run({});
    }
    expect(await sizeOf('lane')).toBeLessThanOrEqual(size);
  });

  test('leaves partitions of a day alone, which are dropped whole, but for age', async () => {
    await stage.sql('update delivery set last_error = null');
    await stage.sql('select pg_stat_force_next_flush()');
    const [dead] = await stage.sql(
      "select 1 from pg_stat_user_tables where relname ~ '^delivery_\\d' and n_dead_tup > 0",
    );
    expect(dead).toBeDefined();
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const due = async (age: number) => (await vacuumsDue(stage.db, 0, age)).map(({ table }) => table);
    expect(await due(200_000_000)).not.toContain(`delivery_${day}`);
    expect(await due(0)).toContain(`delivery_${day}`);
  });

  test('makes every table young, the system’s own too', async () => {
    const oldest = async () =>
      (
        await stage.sql<{ age: number }>(
          "select max(age(relfrozenxid))::integer as age from pg_class where relkind in ('r', 't')",
        )
      )[0]?.age ?? 0;
    const before = await oldest();
    expect(before).toBeGreaterThan(500);
    await run({ deadRows: 1_000_000, freezeAge: 500 });
    expect(await oldest()).toBeLessThanOrEqual(500);
  });

  test('ends when it is told to', async () => {
    await updateLane();
    await vacuumDue({ db: stage.db, log: createLog('silent') }, AbortSignal.abort());
    expect((await vacuumsDue(stage.db, 1_000, 200_000_000)).map(({ table }) => table)).toContain('lane');
  });
});
