import { createServer } from 'node:net';
import { watchCores } from '../cores.ts';
import type { Engine } from '../engine.ts';
import { type Measure, TAKEN_BY_OTHERS, type Unit } from '../figure.ts';
import type { DatabaseKind, Home } from '../home.ts';
import type { Part } from '../part.ts';
import type { Stage } from '../stage.ts';
import { quantile } from '../statistics.ts';
import { withStored } from '../stored.ts';
import { makeTenant, makeTenants } from '../tenants.ts';
import { arrivals, publish, WARM_UP } from '../traffic.ts';

const TENANTS = 50;
const BACKLOG = 200_000;
/** A load that leaves the machine idle most of the time: what is seen is the neighbour, not the load. */
const PER_SECOND = 250;
/** Each window; 5,000 messages, of which 50 are above the p99. */
const SECONDS = 20;
const WARM_UP_SECONDS = 2;

/** Two ways to be dead: nobody listens there, or somebody listens and never answers. */
const DEAD = { refused: 'refuses connections', silent: 'never answers' } as const;
type Dead = keyof typeof DEAD;
const KINDS = ['refused', 'silent'] as const satisfies readonly Dead[];
const UIDS = KINDS.map(uidOf);

/**
 * What keeps a neighbour's lane asleep until its backlog is to become due: no engine is needed to put the backlog in, and
 * the moment of lifting it is ours to choose, on both databases.
 */
const ASLEEP = 1_000;

/** (e) healthy tenants' p99, accept to receipt, before and after a neighbour's backlog becomes due in the same process. */
export const neighbour: Part = {
  name: 'e',
  title: 'healthy tenants beside a backlog to a dead endpoint',
  hasDatabase: true,
  targets: (database) => KINDS.map((kind) => withOverWithout(database, kind)),
  async run(stage, database) {
    const hanging = await stage.child('receiver');
    const home = await prepare(stage, database, {
      refused: `http://127.0.0.1:${await freePort()}`,
      silent: `${await hanging.ask<string>('url')}/hang`,
    });
    const windows: Record<Dead, Windows[]> = { refused: [], silent: [] };
    for (let round = 0; round < stage.options.rounds; round++) {
      for (const kind of KINDS) windows[kind].push(await measure(stage, home, kind, round));
    }
    await home.drop();
    hanging.stop();
    for (const kind of KINDS) enterWindows(stage, database, kind, windows[kind]);
  },
};

function enterWindows(stage: Stage, database: DatabaseKind, kind: Dead, rounds: readonly Windows[]): void {
  const enter = (name: string, unit: Unit, of: (round: Windows) => number) =>
    stage.book.enter(
      { part: 'e', name: `neighbour ${DEAD[kind]}: ${name}`, database, unit, target: null },
      rounds.map(of),
    );
  stage.book.enter(
    withOverWithout(database, kind),
    rounds.map(({ before, after }) => quantile(after, 0.99) / quantile(before, 0.99)),
  );
  enter('p50 without its backlog', 'ms', ({ before }) => quantile(before, 0.5));
  enter('p50 with it', 'ms', ({ after }) => quantile(after, 0.5));
  enter('p99 without its backlog', 'ms', ({ before }) => quantile(before, 0.99));
  enter('p99 with it', 'ms', ({ after }) => quantile(after, 0.99));
  enter(TAKEN_BY_OTHERS, '%', ({ othersShare }) => 100 * othersShare);
}

/** Latencies of the healthy, ms. */
interface Windows {
  readonly before: number[];
  readonly after: number[];
  readonly othersShare: number;
}

function withOverWithout(database: DatabaseKind, kind: Dead): Measure {
  return {
    part: 'e',
    name: `neighbour ${DEAD[kind]}: p99 with its backlog / without`,
    database,
    unit: 'ratio',
    target: { atMost: 1.2 },
  };
}

function uidOf(kind: Dead): string {
  return `neighbour-${kind}`;
}

/** A database with healthy tenants and both neighbours, each of whom is owed a backlog. */
async function prepare(stage: Stage, database: DatabaseKind, urls: Readonly<Record<Dead, string>>): Promise<Home> {
  const { receiver } = await stage.players();
  const url = await receiver.ask<string>('url');
  const home = await stage.home(database);
  const engine = await stage.engine(home);
  // Of the default application: what the engine is warmed up with.
  await engine.call('POST', '/v1/endpoints', { url: `${url}/ok/0` });
  await makeTenants(engine, TENANTS, `${url}/timed`);
  for (const kind of KINDS) await makeTenant(engine, uidOf(kind), urls[kind]);
  await engine.stop();
  await withStored(stage, home, (stored) => stored.ask('owe', { uids: UIDS, count: BACKLOG }));
  stage.progress(`${BACKLOG.toLocaleString('en-GB')} deliveries due to each neighbour, ${database}`);
  return home;
}

async function measure(stage: Stage, home: Home, kind: Dead, round: number): Promise<Windows> {
  await withStored(stage, home, (stored) => stored.ask('calm', { uids: UIDS, rateLimit: ASLEEP }));

  const engine = await stage.engine(home);
  const players = { ...(await stage.players()), engine };
  await publish(players, WARM_UP, 1);
  const paths = Array.from({ length: TENANTS }, (_, n) => `/v1/app/tenant-${n}/event`);
  const pace = { paths, perSecond: PER_SECOND, seconds: SECONDS };
  // The first call of its kind has its checks compiled (40 ms of the event loop): that is no doing of the neighbour's.
  await change(engine, kind, { description: 'dead' });
  const cores = watchCores(players, await stage.databasePid(home.kind));
  const { latencies: before } = await arrivals(players, pace, WARM_UP_SECONDS);
  // From now on the whole backlog is due.
  await change(engine, kind, { rate_limit: null });
  const { latencies: after } = await arrivals(players, pace, 0);
  const { othersShare } = cores();
  if (!(await isTried(engine, kind))) throw new Error('the neighbour was never tried: nothing was measured');
  await engine.stop();
  const p99 = (latencies: number[]) => `${quantile(latencies, 0.99).toFixed(2)} ms`;
  stage.progress(`neighbour ${DEAD[kind]}, ${home.kind}, round ${round + 1}: p99 ${p99(before)}, then ${p99(after)}`);
  return { before, after, othersShare };
}

async function change(engine: Engine, kind: Dead, patch: object): Promise<void> {
  const path = `/v1/app/${uidOf(kind)}/endpoints`;
  const { data } = await engine.call<{ data: { id: string }[] }>('GET', path);
  await engine.call('PATCH', `${path}/${data[0]?.id}`, patch);
}

interface Page {
  readonly data: readonly unknown[];
  readonly next_cursor: string | null;
}

async function isTried(engine: Engine, kind: Dead): Promise<boolean> {
  const path = `/v1/app/${uidOf(kind)}`;
  const { data } = await engine.call<{ data: { circuit: { state: string } }[] }>('GET', `${path}/endpoints`);
  if (data[0]?.circuit.state !== 'closed') return true;
  // They are its oldest, many short pages behind.
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = await engine.call('GET', `${path}/deliveries?status=SENDING&limit=1${cursor}`);
    if (page.data.length > 0) return true;
    cursor = page.next_cursor && `&cursor=${page.next_cursor}`;
  }
  return false;
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
