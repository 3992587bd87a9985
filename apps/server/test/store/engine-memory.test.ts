import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Engine, openEngine } from '../../src/store/embedded/engine.ts';

let folder: string;
let engine: Engine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postrider-engine-'));
  engine = await openEngine(join(folder, 'pgdata'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

/** The protocol's message for a statement without parameters. */
function query(sql: string): Uint8Array {
  const bytes = Buffer.alloc(1 + 4 + sql.length + 1);
  bytes.write('Q');
  bytes.writeInt32BE(bytes.length - 1, 1);
  bytes.write(sql, 5);
  return bytes;
}

function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return getHeapStatistics().used_heap_size;
}

// Each row used to be taken apart and kept: 14 MB a minute under load.
test('the embedded engine keeps nothing of its answers, and gives all of them', async () => {
  const thousand = query('select generate_series(1, 1000)');
  const { length } = await engine.run(thousand);
  expect(length).toBeGreaterThan(1_000 * 12);
  const before = heapInUse();
  for (let n = 0; n < 200; n++) expect((await engine.run(thousand)).length).toBe(length);
  expect(heapInUse() - before).toBeLessThan(4_000_000);
});
