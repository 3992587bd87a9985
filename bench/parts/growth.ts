import type { Call } from '../children/calls.ts';
import type { Engine } from '../engine.ts';
import type { Measure } from '../figure.ts';
import type { DatabaseKind, Home } from '../home.ts';
import type { Part } from '../part.ts';
import type { Child } from '../processes.ts';
import type { Stage } from '../stage.ts';
import { median } from '../statistics.ts';
import { closeStored, openStored, withStored } from '../stored.ts';
import { makeTenants } from '../tenants.ts';
import { EVENT_TYPE, PAYLOAD } from '../workload.ts';

const SIZES = [10_000, 100_000, 1_000_000] as const;
type Size = (typeof SIZES)[number];

const TENANTS = 1_000;
const DAYS = 5;
/** Of each operation at each size in a round, in turns, so that a bad moment of the machine meets all sizes. */
const TIMES = 200;
const TURN = 10;

/** Over HTTP. Tenant 0 has a tenth of all deliveries, so its page is full at every size, and within one day. */
const CALLS: Readonly<Record<string, (n: number, endpointId: string) => Call>> = {
  accept: (n) => ({
    method: 'POST',
    path: `/v1/app/tenant-${n % TURN}/event`,
    body: JSON.stringify({ event_type: EVENT_TYPE, payload: PAYLOAD }),
  }),
  'list of deliveries': () => ({ method: 'GET', path: '/v1/deliveries' }),
  'list of failed deliveries': () => ({ method: 'GET', path: '/v1/deliveries?status=FAILED' }),
  "list of a customer's deliveries": () => ({ method: 'GET', path: '/v1/app/tenant-0/deliveries' }),
  "list of an endpoint's deliveries": (_, endpointId) => ({
    method: 'GET',
    path: `/v1/deliveries?endpoint_id=${endpointId}`,
  }),
  'list of messages': () => ({ method: 'GET', path: '/v1/messages' }),
};
const CLAIM = 'claim';
const OPERATIONS = [CLAIM, ...Object.keys(CALLS)];

/** (d) what a claim, an accept and a list page take, by how much is stored: three databases side by side. */
export const growth: Part = {
  name: 'd',
  title: 'time by what is stored',
  hasDatabase: true,
  targets: (database) => OPERATIONS.map((operation) => growthOf(database, operation)),
  async run(stage, database) {
    const homes = new Map<Size, Home>();
    for (const size of SIZES) homes.set(size, await fill(stage, database, size));
    const samples = new Samples(stage.options.rounds);
    await timeCalls(stage, homes, samples);
    await timeClaims(stage, homes, samples);
    for (const home of homes.values()) await home.drop();
    for (const operation of OPERATIONS) {
      const rounds = samples.rounds(operation);
      stage.book.enter(
        growthOf(database, operation),
        rounds.map((round) => round(1_000_000) / round(10_000)),
      );
      for (const size of SIZES) {
        const name = `${operation} at ${size.toLocaleString('en-GB')}`;
        stage.book.enter(
          { part: 'd', name, database, unit: 'ms', target: null },
          rounds.map((round) => round(size)),
        );
      }
    }
  },
};

function growthOf(database: DatabaseKind, operation: string): Measure {
  return {
    part: 'd',
    name: `${operation}: 1,000,000 stored / 10,000 stored`,
    database,
    unit: 'ratio',
    target: { atMost: 1.3 },
  };
}

/** A database with its tenants and so many deliveries of the last days, and no engine on it. */
async function fill(stage: Stage, database: DatabaseKind, size: Size): Promise<Home> {
  const from = performance.now();
  const { receiver } = await stage.players();
  const home = await stage.home(database);
  const engine = await stage.engine(home);
  await makeTenants(engine, TENANTS, `${await receiver.ask<string>('url')}/ok`);
  await engine.stop();
  await withStored(stage, home, (stored) => stored.ask('fill', { count: size, days: DAYS }));
  const seconds = Math.round((performance.now() - from) / 1000);
  stage.progress(`${size.toLocaleString('en-GB')} deliveries stored, ${database}: ${seconds} s`);
  return home;
}

async function timeCalls(stage: Stage, homes: ReadonlyMap<Size, Home>, samples: Samples): Promise<void> {
  const { load } = await stage.players();
  const engines = new Map<Size, { engine: Engine; endpointId: string }>();
  for (const [size, home] of homes) {
    const engine = await stage.engine(home);
    const { data } = await engine.call<{ data: { id: string }[] }>('GET', '/v1/app/tenant-0/endpoints');
    engines.set(size, { engine, endpointId: data[0]?.id ?? '' });
  }
  await inTurns(stage, Object.keys(CALLS), engines, samples, ({ engine, endpointId }, operation) => {
    const calls = Array.from({ length: TURN }, (_, n) => CALLS[operation]?.(n, endpointId));
    return load.ask<number[]>('time', { url: engine.url, key: engine.key, calls });
  });
  for (const { engine } of engines.values()) await engine.stop();
}

async function timeClaims(stage: Stage, homes: ReadonlyMap<Size, Home>, samples: Samples): Promise<void> {
  const children = new Map<Size, Child>();
  for (const [size, home] of homes) children.set(size, await openStored(stage, home));
  await inTurns(stage, [CLAIM], children, samples, (child) => child.ask('claims', { count: TURN }));
  for (const child of children.values()) await closeStored(child);
}

/** Each operation at each size in turn; a first round is for caches and compilers, and not kept. */
async function inTurns<Place>(
  stage: Stage,
  operations: readonly string[],
  places: ReadonlyMap<Size, Place>,
  samples: Samples,
  turn: (place: Place, operation: string) => Promise<number[]>,
): Promise<void> {
  for (let round = -1; round < stage.options.rounds; round++) {
    for (let done = 0; done < TIMES; done += TURN) {
      for (const operation of operations) {
        for (const [size, place] of places) samples.add(round, operation, size, await turn(place, operation));
      }
    }
    if (round >= 0) stage.progress(`${operations.join(', ')}: round ${round + 1}`);
  }
}

/** Milliseconds by round, operation and size. */
class Samples {
  readonly #count: number;
  readonly #took = new Map<string, number[]>();

  constructor(rounds: number) {
    this.#count = rounds;
  }

  add(round: number, operation: string, size: Size, took: readonly number[]): void {
    if (round < 0) return;
    const key = `${round} ${size} ${operation}`;
    this.#took.set(key, [...(this.#took.get(key) ?? []), ...took]);
  }

  /** For each round, the median by size. */
  rounds(operation: string): ((size: Size) => number)[] {
    return Array.from(
      { length: this.#count },
      (_, round) => (size: Size) => median(this.#took.get(`${round} ${size} ${operation}`) ?? []),
    );
  }
}
