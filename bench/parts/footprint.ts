import { setTimeout as pause } from 'node:timers/promises';
import type { Engine } from '../engine.ts';
import type { Measure, Unit } from '../figure.ts';
import type { DatabaseKind } from '../home.ts';
import type { Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { publish, settled, WARM_UP } from '../traffic.ts';
import { memory, processCpu, treeCpu } from '../usage.ts';
import { ensureMeasured, peakMemory } from './throughput.ts';

/** How long idleness is watched. */
const SECONDS = 20;
/** How long it is waited for: start-up is not idle, nor is the last garbage collection that it leads to, half a minute later. */
const CALM_SECONDS = 40;

/** The budget is for an engine whose database is elsewhere. The embedded one is inside and has no target of its own. */
const PEAK_MB = 300;
const IDLE_MB = 150;
const IDLE_PERCENT = 1;

/** (f) what an engine takes of the machine. CPU per delivery is in the rounds of (b). */
export const footprint: Part = {
  name: 'f',
  title: 'memory, and CPU when idle',
  hasDatabase: true,
  targets: (database) =>
    database === 'postgresql' ? [peak(database), idleMemory(database, 'start'), idleCpu(database, 'start')] : [],
  async run(stage, database) {
    const { book } = stage;
    await ensureMeasured(stage, database);
    book.enter(peak(database), [
      Math.max(...([1, 5] as const).map((n) => book.find(peakMemory(database, n))?.value ?? 0)),
    ]);
    await measureIdle(stage, database);
  },
};

type After = 'start' | 'work';

function peak(database: DatabaseKind): Measure {
  return measureOf(database, 'peak memory of the engine over (b)', 'MB', PEAK_MB);
}

function idleMemory(database: DatabaseKind, after: After): Measure {
  return measureOf(database, `idle memory after ${after}`, 'MB', after === 'start' ? IDLE_MB : null);
}

function idleCpu(database: DatabaseKind, after: After): Measure {
  return measureOf(database, `idle CPU after ${after}, of a core`, '%', after === 'start' ? IDLE_PERCENT : null);
}

function measureOf(database: DatabaseKind, name: string, unit: Unit, limit: number | null): Measure {
  const target = limit !== null && database === 'postgresql' ? { atMost: limit } : null;
  return { part: 'f', name, database, unit, target };
}

/** An engine for each round, all at once: the idle do not disturb each other. */
async function measureIdle(stage: Stage, database: DatabaseKind): Promise<void> {
  const homes = [];
  const engines: Engine[] = [];
  for (let round = 0; round < stage.options.rounds; round++) {
    const home = await stage.home(database);
    homes.push(home);
    engines.push(await stage.engine(home));
  }
  await watch(stage, database, engines, 'start');
  const players = await stage.players();
  const url = await players.receiver.ask<string>('url');
  for (const engine of engines) {
    await engine.call('POST', '/v1/endpoints', { url: `${url}/ok/0` });
    await publish({ ...players, engine }, WARM_UP, 1);
    await settled(engine);
  }
  await watch(stage, database, engines, 'work');
  for (const engine of engines) await engine.stop();
  for (const home of homes) await home.drop();
}

async function watch(stage: Stage, database: DatabaseKind, engines: readonly Engine[], after: After): Promise<void> {
  const { book } = stage;
  const databasePid = await stage.databasePid(database);
  await pause(CALM_SECONDS * 1000);
  const from = performance.now();
  const before = engines.map((engine) => processCpu(engine.pid).total);
  const databaseBefore = databasePid === null ? Number.NaN : treeCpu(databasePid);
  await pause(SECONDS * 1000);
  const seconds = (performance.now() - from) / 1000;
  const percents = engines.map(
    (engine, n) => (100 * (processCpu(engine.pid).total - (before[n] ?? Number.NaN))) / seconds,
  );
  book.enter(
    idleMemory(database, after),
    engines.map((engine) => memory(engine.pid).residentMb),
  );
  book.enter(idleCpu(database, after), percents);
  if (databasePid !== null) {
    const each = (100 * (treeCpu(databasePid) - databaseBefore)) / seconds / engines.length;
    book.enter(measureOf(database, `idle CPU after ${after}, of the database for one engine`, '%', null), [each]);
  }
  stage.progress(
    `idle after ${after}, ${database}: ${percents.map((percent) => `${percent.toFixed(2)} %`).join(', ')}`,
  );
}
