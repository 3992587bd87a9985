import { KINDS, type Kind } from '../../apps/server/test/backbone/on-brokers/brokers.ts';
import type { Engine } from '../engine.ts';
import type { Measure, Unit } from '../figure.ts';
import type { Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { publish, settled, WARM_UP } from '../traffic.ts';
import { busyCpu, processCpu, treeCpu } from '../usage.ts';
import { SECRET } from '../workload.ts';
import { bareCount, enterBare } from './bare.ts';

const FANOUTS = [1, 5] as const;
/** Deliveries go through it once more, so that both sides know each other. */
const IN_USE_MS = 15_000;

/**
 * (g) deliveries per second from an API process to a worker process, by what is between the two: the database itself, or
 * a broker with the database behind it. All on one machine, so each broker also takes its share of the same cores.
 */
export const backbone: Part = {
  name: 'g',
  title: 'an API process, a worker process, and what is between them',
  hasDatabase: true,
  targets: () => [],
  async run(stage, database) {
    // The embedded one has one process.
    if (database !== 'postgresql') return;
    await measure(stage, 'PostgreSQL', null);
    for (const kind of Object.values(KINDS)) {
      if (kind.missing) {
        stage.progress(`not run: ${kind.missing}`);
        stage.book.fail({ part: 'g', database, reason: kind.missing }, [share(kind.name, 1), share(kind.name, 5)]);
      } else await measure(stage, kind.name, kind);
    }
  },
};

async function measure(stage: Stage, name: string, kind: Kind | null): Promise<void> {
  const { book, progress } = stage;
  const { rounds, deliveries } = stage.options;
  const { receiver, load } = await stage.players();
  const bareLoop = await stage.bareLoop();
  const broker = kind && (await stage.broker(kind));
  const databasePid = await stage.databasePid('postgresql');
  const url = await receiver.ask<string>('url');

  for (const fanout of FANOUTS) {
    const home = await stage.home('postgresql');
    const queue: Record<string, string> = broker ? { POSTRIDER_QUEUE_URL: broker.url } : {};
    const engine = await stage.engine(home, { ...queue, POSTRIDER_ROLES: 'api' });
    const worker = await stage.engine(home, { ...queue, POSTRIDER_ROLES: 'worker,maintenance' });
    for (let n = 0; n < fanout; n++)
      await engine.call('POST', '/v1/endpoints', { url: `${url}/ok/${n}`, secret: SECRET });
    const players = { engine, receiver, load };
    await publish(players, Math.round(WARM_UP / fanout), fanout);
    // A consumer group takes its time to be one.
    if (broker) await new Promise((resolve) => setTimeout(resolve, IN_USE_MS));
    await publish(players, Math.round(WARM_UP / fanout), fanout);

    const shares: number[] = [];
    const rates: number[] = [];
    const spent: Spent[] = [];
    let bareBefore = await bareLoop.round(bareCount(stage));
    for (let round = 0; round < rounds; round++) {
      const watched = watch(engine, worker, [receiver.pid, load.pid], databasePid);
      const rate = await publish(players, Math.round(deliveries / fanout), fanout);
      spent.push(watched());
      await settled(engine);
      const bareAfter = await bareLoop.round(bareCount(stage));
      rates.push(rate);
      shares.push(rate / ((bareBefore + bareAfter) / 2));
      bareBefore = bareAfter;
      progress(
        `through ${name}, fan-out ${fanout}, round ${round + 1}: ${Math.round(rate)}/s, ${shares.at(-1)?.toFixed(3)} of the bare loop`,
      );
    }
    for (const each of [engine, worker]) complain(stage, name, each);
    await worker.stop();
    await engine.stop();
    await home.drop();

    book.enter(share(name, fanout), shares);
    book.enter(absolute(name, fanout, 'deliveries', '/s'), rates);
    for (const who of ['API', 'worker', 'database', 'broker and others'] as const) {
      if (who === 'broker and others' && !broker) continue;
      const micros = spent.map((each) => (each[who] * 1e6) / deliveries);
      book.enter(absolute(name, fanout, `CPU per delivery, ${who}`, 'µs'), micros);
    }
  }
  enterBare(stage);
  await broker?.stop();
}

interface Spent {
  readonly API: number;
  readonly worker: number;
  readonly database: number;
  readonly 'broker and others': number;
}

/** CPU seconds since, by process. */
function watch(api: Engine, worker: Engine, players: readonly number[], databasePid: number | null): () => Spent {
  const read = () => {
    const engines = { API: processCpu(api.pid).total, worker: processCpu(worker.pid).total };
    const database = databasePid === null ? Number.NaN : treeCpu(databasePid);
    const own = process.cpuUsage();
    const others = players.reduce((sum, pid) => sum + processCpu(pid).total, (own.user + own.system) / 1e6);
    const rest = busyCpu() - engines.API - engines.worker - others - (databasePid === null ? 0 : database);
    return { ...engines, database, 'broker and others': rest };
  };
  const before = read();
  return () => {
    const after = read();
    const spent = (name: keyof Spent) => after[name] - before[name];
    return {
      API: spent('API'),
      worker: spent('worker'),
      database: spent('database'),
      'broker and others': spent('broker and others'),
    };
  };
}

/** A round in which a process had something to say is not what it seems. */
function complain(stage: Stage, name: string, { complaints }: Engine): void {
  for (const [message, count] of complaints) stage.progress(`through ${name}: ${count} times "${message}"`);
}

function share(name: string, fanout: (typeof FANOUTS)[number]): Measure {
  return absolute(name, fanout, 'share of the bare loop', 'ratio');
}

function absolute(name: string, fanout: (typeof FANOUTS)[number], what: string, unit: Unit): Measure {
  return { part: 'g', name: `through ${name}, fan-out ${fanout}: ${what}`, database: 'postgresql', unit, target: null };
}
