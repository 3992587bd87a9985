import { type CoreTime, watchCores } from '../cores.ts';
import { type Measure, TAKEN_BY_OTHERS, type Target, type Unit } from '../figure.ts';
import type { DatabaseKind } from '../home.ts';
import type { Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { publish, settled, WARM_UP } from '../traffic.ts';
import { memory } from '../usage.ts';
import { SECRET } from '../workload.ts';
import { bareCount, enterBare } from './bare.ts';

const FANOUTS = [1, 5] as const;
type Fanout = (typeof FANOUTS)[number];

const SHARES = {
  postgresql: { 1: 0.3, 5: 0.6 },
  embedded: { 1: 0.25, 5: 0.45 },
} as const satisfies Record<DatabaseKind, Record<Fanout, number>>;

/** (b) deliveries per second end to end, each round over the bare loop of before and after it. */
export const throughput: Part = {
  name: 'b',
  title: 'deliveries per second end to end',
  hasDatabase: true,
  targets: (database) => FANOUTS.map((fanout) => shareOfBare(database, fanout)),
  async run(stage, database) {
    for (const fanout of FANOUTS) await measure(stage, database, fanout);
  },
};

/** For parts that build on fan-out 1 of (b), where (b) itself was not asked for. */
export async function ensureMeasured(stage: Stage, database: DatabaseKind): Promise<void> {
  if (stage.book.find(perSecond(database, 1))) return;
  stage.progress('this builds on (b) at fan-out 1: measuring that first');
  await measure(stage, database, 1);
}

/** Deliveries per second: what (c) takes half of. */
export function perSecond(database: DatabaseKind, fanout: Fanout): Measure {
  return absolute(database, fanout, 'deliveries', '/s');
}

/** Peak memory over all rounds of (b), for (f). */
export function peakMemory(database: DatabaseKind, fanout: Fanout): Measure {
  return absolute(database, fanout, 'peak memory of the engine', 'MB');
}

/** CPU of the engine's process. */
function engineCpu(database: DatabaseKind, fanout: Fanout): Measure {
  return absolute(database, fanout, 'CPU per delivery, engine', 'µs');
}

async function measure(stage: Stage, database: DatabaseKind, fanout: Fanout): Promise<void> {
  const { book, progress } = stage;
  const { rounds, deliveries } = stage.options;
  const { receiver, load } = await stage.players();
  const bareLoop = await stage.bareLoop();
  const home = await stage.home(database);
  const engine = await stage.engine(home);
  const databasePid = await stage.databasePid(database);
  const url = await receiver.ask<string>('url');
  for (let n = 0; n < fanout; n++)
    await engine.call('POST', '/v1/endpoints', { url: `${url}/ok/${n}`, secret: SECRET });
  await publish({ engine, receiver, load }, Math.round(WARM_UP / fanout), fanout);

  const figures: Round[] = [];
  let bareBefore = await bareLoop.round(bareCount(stage));
  for (let round = 0; round < rounds; round++) {
    const cores = watchCores({ engine, receiver, load }, databasePid);
    const rate = await publish({ engine, receiver, load }, Math.round(deliveries / fanout), fanout);
    const spent = cores();
    await settled(engine);
    const bareAfter = await bareLoop.round(bareCount(stage));
    const share = rate / ((bareBefore + bareAfter) / 2);
    figures.push({ share, rate, spent });
    bareBefore = bareAfter;
    progress(
      `fan-out ${fanout}, ${database}, round ${round + 1}: ${Math.round(rate)}/s, ${share.toFixed(3)} of the bare loop`,
    );
  }
  enterBare(stage);
  const { peakMb } = memory(engine.pid);
  await engine.stop();
  await home.drop();

  const micros = (of: (spent: CoreTime) => number) => figures.map(({ spent }) => (of(spent) * 1e6) / deliveries);
  const enter = (name: string, unit: Unit, values: readonly number[]) =>
    book.enter(absolute(database, fanout, name, unit), values);
  book.enter(
    shareOfBare(database, fanout),
    figures.map((each) => each.share),
  );
  book.enter(
    perSecond(database, fanout),
    figures.map((each) => each.rate),
  );
  book.enter(
    engineCpu(database, fanout),
    micros((spent) => spent.engine),
  );
  enter(
    'CPU per delivery, of that the event loop',
    'µs',
    micros((spent) => spent.engineLoop),
  );
  if (databasePid !== null)
    enter(
      'CPU per delivery, database',
      'µs',
      micros((spent) => spent.database),
    );
  enter(
    'CPU per delivery, receiver',
    'µs',
    micros((spent) => spent.receiver),
  );
  enter(
    'CPU per delivery, load generator',
    'µs',
    micros((spent) => spent.load),
  );
  enter(
    TAKEN_BY_OTHERS,
    '%',
    figures.map(({ spent }) => 100 * spent.othersShare),
  );
  book.enter(peakMemory(database, fanout), [peakMb]);
}

interface Round {
  readonly share: number;
  readonly rate: number;
  readonly spent: CoreTime;
}

function shareOfBare(database: DatabaseKind, fanout: Fanout): Measure {
  const target: Target = { atLeast: SHARES[database][fanout] };
  return { part: 'b', name: `fan-out ${fanout}: share of the bare loop`, database, unit: 'ratio', target };
}

function absolute(database: DatabaseKind, fanout: Fanout, name: string, unit: Unit): Measure {
  return { part: 'b', name: `fan-out ${fanout}: ${name}`, database, unit, target: null };
}
