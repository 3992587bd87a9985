import type { DatabaseTarget } from '../../apps/server/src/store/database.ts';
import { watchCores } from '../cores.ts';
import { type Measure, TAKEN_BY_OTHERS, type Unit } from '../figure.ts';
import type { DatabaseKind } from '../home.ts';
import type { Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { median, quantile } from '../statistics.ts';
import { arrivals, publish, settled, WARM_UP } from '../traffic.ts';
import { EVENT_TYPE, PAYLOAD, SECRET } from '../workload.ts';
import { ensureMeasured, perSecond } from './throughput.ts';

/** Each round: so long at half load, after so long of getting there. */
const SECONDS = 10;
const WARM_UP_SECONDS = 2;
/** Inserts and POSTs of which the median is taken, and as many before them for the compiler. */
const SINGLES = 1_000;

/**
 * (c) accept to receipt at half load, over what cannot be left out: one committed insert and one bare POST. Arrivals go
 * by the clock; the insert is into a database of its own on the same server, the POST to the same receiver, both measured
 * right before, alone.
 */
export const latency: Part = {
  name: 'c',
  title: 'accept to receipt at half load',
  hasDatabase: true,
  targets: (database) => [overParts(database)],
  run: measure,
};

async function measure(stage: Stage, database: DatabaseKind): Promise<void> {
  const { book, progress } = stage;
  await ensureMeasured(stage, database);
  const rate = (book.find(perSecond(database, 1))?.value ?? Number.NaN) / 2;
  const players = await stage.players();
  const databasePid = await stage.databasePid(database);
  const bareLoop = await stage.bareLoop();
  const insert = await stage.child('insert');
  const insertHome = await stage.home(database);
  await insert.ask('open', insertHome.target satisfies DatabaseTarget);
  const home = await stage.home(database);
  const engine = await stage.engine(home);
  await engine.call('POST', '/v1/endpoints', {
    url: `${await players.receiver.ask<string>('url')}/timed`,
    secret: SECRET,
  });
  await publish({ ...players, engine }, WARM_UP, 1);
  await settled(engine);
  await players.receiver.ask('receipts', { total: WARM_UP });
  const oneInsert = () =>
    insert.ask<number[]>('time', { count: SINGLES, eventType: EVENT_TYPE, payload: JSON.stringify(PAYLOAD) });
  await oneInsert();
  await bareLoop.oneByOne(SINGLES);

  const rounds: Round[] = [];
  for (let round = 0; round < stage.options.rounds; round++) {
    const insertMs = median(await oneInsert());
    const postMs = median(await bareLoop.oneByOne(SINGLES));
    const pace = { paths: ['/v1/messages'], perSecond: rate, seconds: SECONDS };
    const cores = watchCores({ ...players, engine }, databasePid);
    const { latencies, late } = await arrivals({ ...players, engine }, pace, WARM_UP_SECONDS);
    const { othersShare } = cores();
    await settled(engine);
    const p50 = median(latencies);
    const overParts = p50 / (insertMs + postMs);
    rounds.push({
      overParts,
      p50,
      p99: quantile(latencies, 0.99),
      insertMs,
      postMs,
      late: quantile(late, 0.99),
      othersShare,
    });
    progress(
      `accept to receipt, ${database}, round ${round + 1}: ${p50.toFixed(2)} ms at ${Math.round(rate)}/s, ` +
        `${overParts.toFixed(2)} of ${insertMs.toFixed(2)} + ${postMs.toFixed(2)} ms`,
    );
  }
  await engine.stop();
  await home.drop();
  await insert.ask('close');
  insert.stop();
  await insertHome.drop();

  const enter = (name: string, unit: Unit, of: (round: Round) => number) =>
    book.enter({ part: 'c', name, database, unit, target: null }, rounds.map(of));
  book.enter(
    overParts(database),
    rounds.map((each) => each.overParts),
  );
  enter('accept to receipt, p50', 'ms', (each) => each.p50);
  enter('accept to receipt, p99', 'ms', (each) => each.p99);
  enter('one committed insert, p50', 'ms', (each) => each.insertMs);
  enter('one bare POST, p50', 'ms', (each) => each.postMs);
  enter('arrivals', '/s', () => rate);
  enter('calls begun later than scheduled, p99', 'ms', (each) => each.late);
  enter(TAKEN_BY_OTHERS, '%', (each) => 100 * each.othersShare);
}

interface Round {
  readonly overParts: number;
  readonly p50: number;
  readonly p99: number;
  readonly insertMs: number;
  readonly postMs: number;
  readonly late: number;
  readonly othersShare: number;
}

function overParts(database: DatabaseKind): Measure {
  return {
    part: 'c',
    name: 'accept to receipt / (insert + POST)',
    database,
    unit: 'ratio',
    target: { atMost: 2 },
  };
}
