import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoint } from '../apps/server/src/core/endpoint.ts';
import { firstIdAt, newDeliveryId, newId, type Uuid } from '../apps/server/src/core/ids.ts';
import { Acceptor } from '../apps/server/src/ingest/acceptor.ts';
import { insertMessages } from '../apps/server/src/store/acceptance.ts';
import { type Database, openDatabase, statement } from '../apps/server/src/store/database.ts';
import { migrate } from '../apps/server/src/store/migrate.ts';
import { DAY_MS, ensurePartitions } from '../apps/server/src/store/partition.ts';
import { dropDay, MAX_MOVED } from '../apps/server/src/store/retention.ts';

/**
 * How long do accepts wait while a day is dropped? Fills a day with messages, sent but for as many as may be moved, and
 * drops it while callers accept messages one after the other; prints how long the slowest accept took in that time, and
 * in as long a time before it.
 *
 *   node scripts/launch.mjs bench/retention.ts [MESSAGES [POSTGRES_URL]]      (the database is to be empty)
 */
const MESSAGES = Number(process.argv[2] ?? 200_000);
const URL = process.argv[3];
const CALLERS = 8;
const FILL = 500;

const folder = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
const db = await openDatabase(
  URL ? { kind: 'postgresql', url: URL, poolSize: 10 } : { kind: 'embedded', folder: join(folder, 'database') },
  (error) => process.stderr.write(`${error.message}\n`),
);
const today = Date.now() - (Date.now() % DAY_MS);
const old = today - 31 * DAY_MS;
const own = { environmentId: newId(), applicationId: newId(), eventType: 'bench.event', eventId: null };
const rest = { payload: JSON.stringify({ text: 'x'.repeat(490) }), headers: null, channels: null, matching: '[]' };

await migrate(db);
await ensurePartitions(db, old, today + 7 * DAY_MS);
await fill();

const waits: { readonly at: number; readonly ms: number }[] = [];
let isOver = false;
const traffic = Promise.all(Array.from({ length: CALLERS }, accept));
await pass(3_000);
const startedAt = performance.now();
let outcome = await dropDay(db, old);
let tries = 1;
for (; outcome === 'busy' && tries < 60; tries++) {
  await pass(500);
  outcome = await dropDay(db, old);
}
const endedAt = performance.now();
await pass(200);
isOver = true;
await traffic;

const slowest = (from: number, to: number) =>
  Math.max(...waits.filter(({ at, ms }) => at < to && at + ms > from).map(({ ms }) => ms));
const took = endedAt - startedAt;
process.stdout.write(
  `${db.kind}: a day of ${MESSAGES} messages, ${MAX_MOVED} in flight: ${outcome} in ${Math.round(took)} ms, try ${tries}\n` +
    `slowest accept meanwhile ${Math.round(slowest(startedAt, endedAt + 200))} ms, ` +
    `in as long a time before ${Math.round(slowest(startedAt - took - 200, startedAt))} ms\n`,
);
await db.close();
rmSync(folder, { recursive: true, force: true });

/** All are sent, but for some batches of which nothing is. */
async function fill(): Promise<void> {
  for (let n = 0; n < MESSAGES; n += FILL) {
    const messages = Array.from({ length: FILL }, (_, m) => {
      const time = firstIdAt(old + Math.floor(((n + m) * DAY_MS) / MESSAGES));
      const id = `${time.slice(0, 13)}${newId().slice(13)}` as Uuid;
      const delivery = { id: newDeliveryId(id), endpointId: own.applicationId, trigger: 'scheduled' } as const;
      return { ...own, ...rest, id, deliveries: [{ ...delivery, status: 'PENDING' as const, dueInMs: DAY_MS }] };
    });
    await insertMessages(db, messages);
    const held = n % Math.ceil((MESSAGES / MAX_MOVED) * FILL) < FILL ? FILL : 0;
    const ids = messages.slice(held).flatMap(({ deliveries }) => deliveries.map(({ id }) => id));
    await run(db, "update delivery set status = 'SENT', due_at = null where id = any($1::uuid[])", [ids]);
    await run(
      db,
      `insert into attempt (delivery_id, number, environment_id, trigger, url, request_headers, duration_ms, timings, started_at)
       select id, 1, environment_id, 'scheduled', 'https://example.test', '{}', 1, '{}', now() from delivery
       where id = any($1::uuid[])`,
      [ids],
    );
  }
}

async function accept(): Promise<void> {
  const handoff = { wayMs: 0, reserve: () => true, send: () => {}, release: () => {} };
  const acceptor = new Acceptor({ db, handoffs: [handoff] });
  const free = { circuit: { state: 'closed' }, rateLimit: null, maxInFlight: null, ordering: 'none' };
  const endpoint = { ...free, id: newId(), status: 'active', timeoutSeconds: 30 } as Endpoint;
  const draft = { ...own, ...rest, headers: null, channels: null, endpoints: [endpoint] };
  while (!isOver) {
    const at = performance.now();
    await acceptor.accept({ ...draft, trigger: 'scheduled', keyed: null });
    waits.push({ at, ms: performance.now() - at });
  }
}

function run(on: Database, text: string, values: readonly unknown[]): Promise<unknown[]> {
  return on.query(statement('', text), values);
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
