import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Engine, startEngine } from './engine.ts';
import { openHome } from './home.ts';
import { type Child, startChild } from './processes.ts';
import { openServer } from './server.ts';
import { readBooks } from './soak-books.ts';
import { SoakWatch } from './soak-watch.ts';
import { leastSquares, plot } from './trend.ts';

/**
 * Does it run for long? Half of the load that it can take, one receiver in ten hostile, and an eye on what must not
 * grow: memory, file descriptors, database connections. At the end everything accepted must have ended, and the process
 * must end cleanly. Prints a verdict and writes all that was seen to a file. Linux: it reads /proc.
 *
 *   npm run soak -- [--minutes 10] [--database postgresql|embedded] [--per-second N] [--json FILE]
 *
 * PostgreSQL is the one that POSTRIDER_TEST_DATABASE_URL names, or one that is started for the time.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    database: { type: 'string', default: 'postgresql' },
    'per-second': { type: 'string' },
    json: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const database = values.database;
if (!(minutes > 0)) throw new Error('--minutes: a number above 0');
if (database !== 'postgresql' && database !== 'embedded') throw new Error('--database: postgresql or embedded');

const LOOK_MS = 1_000;
/** Of the time: code is compiled, pools and caches fill. */
const WARM_UP = 1 / 3;
/** What the fitted line may rise from the end of the warm-up to the end, of the mean; the heap breathes by more. */
const FLAT = 0.05;
const DRAIN_MS = 120_000;
/** Idle connections to receivers are kept for a while. */
const COOL_MS = 90_000;
const CALIBRATION_MS = 10_000;
const BODY = JSON.stringify({ event_type: 'soak.event', payload: { type: 'soak', text: 'x'.repeat(450) } });

const [receiver, pace] = [await startChild('receiver'), await startChild('pace')];
const server = database === 'postgresql' ? await openServer(say) : null;
const home = await openHome(server);
const engine = await startEngine(home, { NODE_OPTIONS: '--unhandled-rejections=strict' });
const { paths, hostile } = await makeCustomers(engine, receiver);
const watch = new SoakWatch(engine, home.target);

/** Accepted while it was found out what half the load is. */
let calibrated = 0;
const perSecond = Number(values['per-second'] ?? (await capacity()) / 2);
const start = await watch.look();
say(
  `${database}: ${perSecond.toFixed(0)} messages a second for ${minutes} min, ${hostile.length} of ${paths.length} receivers hostile`,
);
await pace.ask('start', { url: engine.url, key: engine.key, paths, body: BODY, perSecond });
await during(minutes * 60_000);
const sent = await pace.ask<{ accepted: number; refused: number; failed: number; late: number }>('stop');
const loaded = [...watch.samples];

// What a hostile endpoint is still owed is held by its circuit: switched off, it ends FAILED.
for (const path of hostile) await engine.call('PATCH', path, { active: false });
const isDrained = await eventually(DRAIN_MS, async () => (await openDeliveries(engine)) === 0);
await eventually(COOL_MS, async () => (await watch.look()).files <= start.files);
const end = await watch.look();
const ended = await engine.stop();
const books = await readBooks(home.target);
await home.drop();
server?.stop();
receiver.stop();
pace.stop();
report();

function report(): void {
  const from = (loaded.at(-1)?.seconds ?? 0) * WARM_UP;
  const points = loaded.map(({ seconds, rssMb }) => [seconds, rssMb] as const);
  const measured = points.filter(([seconds]) => seconds >= from);
  const { slope } = leastSquares(measured);
  const mean = measured.reduce((sum, [, mb]) => sum + mb, 0) / measured.length;
  const growth = slope * ((measured.at(-1)?.[0] ?? 0) - (measured[0]?.[0] ?? 0));
  const most = Math.max(...loaded.map(({ rssMb }) => rssMb));
  const accepted = calibrated + sent.accepted;
  const lost = accepted - (books.honest.SENT ?? 0) - total(books.hostile);
  const checks = {
    'memory flat': growth <= mean * FLAT,
    'file descriptors back': end.files <= start.files + 2,
    'database connections bounded': (end.connections ?? 0) <= 10,
    'everything ended': isDrained,
    // A call that was cut off may have been accepted: there may be more, never fewer.
    'books balanced': lost <= 0 && -lost <= sent.failed && books.undelivered === 0 && books.messages >= accepted,
    'all honest receivers served': Object.keys(books.honest).join() === 'SENT',
    'no call refused': sent.refused + sent.failed === 0,
    'ended cleanly': ended === 'exit code 0',
  };
  say(`\nresident memory, MB, over ${minutes} min (fitted from ${from.toFixed(0)} s on)`);
  say(plot(points));
  say(
    `memory   mean ${mean.toFixed(1)} MB, most ${most.toFixed(1)}, slope ${(slope * 60).toFixed(2)} MB/min, ` +
      `growth ${growth.toFixed(1)} MB over ${((measured.length * LOOK_MS) / 60_000).toFixed(1)} min; ` +
      `start ${start.rssMb.toFixed(1)}, at rest again ${end.rssMb.toFixed(1)}`,
  );
  say(
    `files    start ${start.files}, most ${Math.max(...loaded.map(({ files }) => files))}, at rest again ${end.files}`,
  );
  say(
    `sockets  start ${start.sockets}, most ${Math.max(...loaded.map(({ sockets }) => sockets))}, at rest again ${end.sockets}`,
  );
  if (database === 'postgresql') {
    const mostOpen = Math.max(...loaded.map(({ connections }) => connections ?? 0));
    say(`database connections  start ${start.connections}, most ${mostOpen}, at rest again ${end.connections}`);
  }
  say(`calls    ${JSON.stringify(sent)}; books ${JSON.stringify(books)}; lost=${Math.max(0, lost)}`);
  say(`log      ${JSON.stringify(Object.fromEntries(engine.complaints))}`);
  for (const [what, holds] of Object.entries(checks)) say(`${holds ? '✔' : '✘'} ${what}`);
  const file = values.json ?? `soak-${database}.json`;
  const figures = { mean, most, slopePerMinute: slope * 60, growth, start, end, sent, books, lost, ended };
  const complaints = Object.fromEntries(engine.complaints);
  writeFileSync(
    file,
    `${JSON.stringify({ database, minutes, perSecond, checks, figures, complaints, samples: watch.samples }, null, 1)}\n`,
  );
  say(`all of it in ${file}`);
  if (!Object.values(checks).every(Boolean)) process.exitCode = 1;
}

/** One application with one endpoint each: every kind of hostility once, and nine honest ones to each. */
async function makeCustomers({ call }: Engine, from: Child): Promise<{ paths: string[]; hostile: string[] }> {
  const url = await from.ask<string>('url');
  const urls = Object.values(await from.ask<Record<string, string>>('hostile')).flatMap((bad) => [
    { url: bad, description: 'hostile' },
    ...Array.from({ length: 9 }, () => ({ url: `${url}/ok`, description: 'honest' })),
  ]);
  const made: { paths: string[]; hostile: string[] } = { paths: [], hostile: [] };
  for (const [n, settings] of urls.entries()) {
    const app = `/v1/app/customer-${n}`;
    await call('POST', '/v1/app', { uid: `customer-${n}`, name: `Customer ${n}` });
    const { id } = await call<{ id: string }>('POST', `${app}/endpoints`, {
      ...settings,
      timeout_seconds: 2,
      retry_policy: [1, 5],
    });
    made.paths.push(`${app}/messages`);
    if (settings.description === 'hostile') made.hostile.push(`${app}/endpoints/${id}`);
  }
  return made;
}

/** Messages a second that are taken and delivered to honest receivers as fast as they can be. */
async function capacity(): Promise<number> {
  const load = await startChild('load');
  const [honest = ''] = paths.filter((_, n) => n % 10 !== 0);
  await engine.call('POST', '/v1/endpoints', { url: `${await receiver.ask<string>('url')}/ok`, description: 'honest' });
  say(`calibrating with ${honest ? 'one honest receiver' : 'none'}`);
  const deadline = Date.now() + CALIBRATION_MS;
  let [count, ms] = [0, 0];
  while (Date.now() < deadline) {
    const before = await receiver.ask<number>('count');
    const done = receiver.ask<number>('until', { total: before + 1_000 });
    const ask = { url: engine.url, key: engine.key, body: BODY, count: 1_000, connections: 64 };
    const { startedAt, accepted } = await load.ask<{ startedAt: number; accepted: number }>('publish', ask);
    ms += (await done) - startedAt;
    count += accepted;
  }
  load.stop();
  calibrated = count;
  return (count * 1000) / ms;
}

async function during(ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until) {
    if (engine.ended !== null) throw new Error(`the engine ended under load: ${engine.ended}`);
    await watch.look();
    await delay(LOOK_MS);
  }
}

async function openDeliveries({ call }: Engine): Promise<number> {
  const counts = ['PENDING', 'SENDING'].map(async (status) => {
    return (await call<{ data: unknown[] }>('GET', `/v1/deliveries?status=${status}&limit=1`)).data.length;
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function eventually(withinMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await delay(LOOK_MS)) {
    if (await isSo()) return true;
  }
  return false;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
