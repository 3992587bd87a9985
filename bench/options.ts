import { parseArgs } from 'node:util';
import { PART_NAMES, type PartName } from './figure.ts';
import type { DatabaseKind } from './home.ts';

export interface Options {
  /** Runs nothing: shows the last run in docs/performance.md. */
  readonly isPublishing: boolean;
  readonly parts: readonly PartName[];
  readonly databases: readonly DatabaseKind[];
  readonly rounds: number;
  /** In each round of (b). */
  readonly deliveries: number;
}

const DATABASES = ['postgresql', 'embedded'] as const;

export const HELP = `npm run bench -- [OPTIONS]

Postrider's speed as ratios: each figure is divided by something real that was measured beside it, in the same run. Load
generator, receiver, engine and database are processes of their own.

  a  the bare loop: signed undici POSTs to the same receiver over as many connections, per second
  b  deliveries per second end to end, fan-out 1 and 5, as a share of (a); CPU per delivery
  c  accept to receipt at half of the load that (b) reached, over one committed insert and one bare POST
  d  a claim, an accept and a list page at 10 thousand, 100 thousand and 1 million stored deliveries
  e  healthy tenants' p99 with a neighbour that has 200,000 deliveries due to a dead endpoint, over that without
  f  peak and idle memory, idle CPU
  g  (b) with API and worker in a process each, by what is between them: PostgreSQL, Redis, NATS, Kafka, RabbitMQ

  --only b,c              some parts; all of them take about half an hour
  --database NAME         postgresql or embedded; both unless told
  --rounds N              rounds of each measurement, of which the median counts; 3 unless told
  --deliveries N          in each round of (b); 60000 unless told
  --publish               run nothing; put the last run into docs/performance.md and docs/performance.json
  --help

PostgreSQL is the server in POSTRIDER_TEST_DATABASE_URL, or a throwaway one that is started and stopped here (Debian). The
table goes to the standard output, progress to the standard error, every round to bench/results/latest.json.
A target that is missed is no error: the exit status is 1 only where something could not be run.
`;

/** @returns null where help was asked for. @throws Error with a line to print. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      database: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      deliveries: { type: 'string', default: '60000' },
      publish: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  return {
    isPublishing: values.publish,
    parts: some('--only', PART_NAMES, values.only),
    databases: some('--database', DATABASES, values.database),
    rounds: whole('--rounds', values.rounds, 1),
    deliveries: whole('--deliveries', values.deliveries, 1_000),
  };
}

function some<Name extends string>(option: string, names: readonly Name[], text: string | undefined): readonly Name[] {
  if (text === undefined) return names;
  const asked = text.split(',').map((each) => each.trim());
  const unknown = asked.find((each) => !names.some((name) => name === each));
  if (unknown !== undefined) throw new Error(`${option} takes some of ${names.join(', ')}, not ${unknown}`);
  return names.filter((name) => asked.includes(name));
}

function whole(option: string, text: string, least: number): number {
  if (!/^\d{1,8}$/.test(text) || Number(text) < least) throw new Error(`${option} takes a number from ${least} on`);
  return Number(text);
}
