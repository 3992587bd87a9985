import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Endpoint } from '../apps/server/src/core/endpoint.ts';
import { newId, type Uuid } from '../apps/server/src/core/ids.ts';
import { Acceptor, type Handoff } from '../apps/server/src/ingest/acceptor.ts';
import { type Database, openDatabase, openPool } from '../apps/server/src/store/database.ts';
import { openEngine } from '../apps/server/src/store/embedded/engine.ts';
import { WireStream } from '../apps/server/src/store/embedded/wire-stream.ts';
import { migrate } from '../apps/server/src/store/migrate.ts';
import { DAY_MS, ensurePartitions } from '../apps/server/src/store/partition.ts';

/**
 * Where should the embedded engine run: in a worker thread, or beside everything else on the event loop? Accepts
 * messages (fan-out 1, 500-byte payload, 64 at a time) for some seconds each way, three rounds in turn, and prints how
 * many were committed, how much of the loop was left for other work, and how long the loop was blocked.
 *
 *   node scripts/launch.mjs bench/embedded.ts [SECONDS]
 */
const SECONDS = Number(process.argv[2] ?? 5);
const CALLERS = 64;
const ROUNDS = 3;

interface Figures {
  readonly perSecond: number;
  readonly loopBusy: number;
  /** Longest time in which a 1 ms timer did not get its turn. */
  readonly worstGapMs: number;
}

const environmentId = newId();
const applicationId = newId();
const endpoint = {
  ...{ id: newId(), status: 'active', timeoutSeconds: 30, circuit: { state: 'closed' } },
  ...{ rateLimit: null, maxInFlight: null, ordering: 'none' },
} as Endpoint;
const draft = {
  environmentId,
  applicationId,
  eventType: 'bench.event',
  eventId: null,
  payload: JSON.stringify({ text: 'x'.repeat(490) }),
  headers: null,
  channels: null,
  endpoints: [endpoint],
  matching: '[]',
  trigger: 'scheduled' as const,
  keyed: null,
} satisfies Parameters<Acceptor['accept']>[0] & { environmentId: Uuid };

/** Takes every delivery and drops it: only acceptance is measured. */
const NOWHERE: Handoff = { wayMs: 0, reserve: () => true, send: () => {}, release: () => {} };

const ways = { 'worker thread': openInThread, beside: openBeside };
const figures: Record<string, Figures[]> = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, open] of Object.entries(ways)) {
    figures[name] = [...(figures[name] ?? []), await measure(open)];
  }
}
for (const [name, rounds] of Object.entries(figures)) {
  const { perSecond, loopBusy, worstGapMs } = median(rounds);
  process.stdout.write(
    `${name.padEnd(14)} ${String(Math.round(perSecond)).padStart(6)} messages/s   loop busy ${Math.round(loopBusy * 100)} %   ` +
      `longest time a 1 ms timer waited: ${Math.round(worstGapMs)} ms\n`,
  );
}

async function measure(open: (folder: string) => Promise<Database>): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  const db = await open(folder);
  await migrate(db);
  await db.transaction((tx) => ensurePartitions(tx, Date.now(), Date.now() + DAY_MS));
  const acceptor = new Acceptor({ db, handoffs: [NOWHERE] });
  await accept(acceptor, 1_000);

  const before = performance.eventLoopUtilization();
  const gaps = timerGaps();
  const accepted = await accept(acceptor, SECONDS * 1_000);
  const worst = gaps.stop();
  const result = {
    perSecond: accepted / SECONDS,
    loopBusy: performance.eventLoopUtilization(before).utilization,
    worstGapMs: worst,
  };
  await db.close();
  rmSync(folder, { recursive: true, force: true });
  return result;
}

function timerGaps(): { stop(): number } {
  let last = performance.now();
  let worst = 0;
  const look = () => {
    worst = Math.max(worst, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(look, 1);
  return {
    stop() {
      clearInterval(timer);
      look();
      return worst;
    },
  };
}

/** How many messages were committed within `ms`. */
async function accept(acceptor: Acceptor, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let accepted = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() < end) {
        await acceptor.accept(draft);
        accepted++;
      }
    }),
  );
  return accepted;
}

function openInThread(folder: string): Promise<Database> {
  return openDatabase({ kind: 'embedded', folder }, fail);
}

async function openBeside(folder: string): Promise<Database> {
  const engine = await openEngine(join(folder, 'pgdata'));
  let last: Promise<unknown> = Promise.resolve();
  const stream = () => {
    let answer: (bytes: Uint8Array | null) => void = () => {};
    return new WireStream({
      send(bytes) {
        last = last.then(async () => answer(await engine.run(bytes)));
      },
      listen(onAnswer) {
        answer = onAnswer;
        return () => {};
      },
    });
  };
  return openPool('embedded', { stream, user: 'postgres', database: 'postgres', max: 1 }, () => engine.close(), fail);
}

function fail(error: Error): never {
  throw error;
}

function median(rounds: readonly Figures[]): Figures {
  const sorted = rounds.toSorted((a, b) => a.perSecond - b.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error('nothing was measured');
  return middle;
}
