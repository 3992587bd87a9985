import { newDeliveryId, newId, type Uuid } from '../../apps/server/src/core/ids.ts';
import { claim, type Room } from '../../apps/server/src/delivery/claim.ts';
import { insertMessages } from '../../apps/server/src/store/acceptance.ts';
import { type Database, type DatabaseTarget, openDatabase, statement } from '../../apps/server/src/store/database.ts';
import { type LeasedDelivery, recordAttempts } from '../../apps/server/src/store/lease.ts';
import { DAY_MS, ensurePartitions } from '../../apps/server/src/store/partition.ts';
import { EVENT_TYPE, PAYLOAD } from '../workload.ts';
import { answer } from './answer.ts';
import { calmDown, insertDue, insertFinished, type Tenants } from './stored-rows.ts';

/** A database without its engine: filled by SQL, and claimed from by the engine's own code. */
let db: Database;
let tenants: Tenants;
let endpointOf: ReadonlyMap<string | null, { id: Uuid; application_id: Uuid }>;

/** Stays well under the store's statement timeout. */
const CHUNK = 10_000;
const HOUR_MS = 3_600_000;
const ROOM: Room = {
  free: 512,
  full: { endpoints: [], applications: [] },
  mayWalk: true,
  allot: (lanes, most) => lanes.map(() => most),
};
/** Deliveries that are due in a timed claim, and the lanes they wait in. */
const DUE = 8;
const LANES = 4;

const readTenants = statement<{ id: Uuid; application_id: Uuid; environment_id: Uuid; uid: string | null }>(
  'bench_tenants',
  `select e.id, e.application_id, e.environment_id, a.uid from endpoint e join application a on a.id = e.application_id
   order by e.id`,
);

answer({
  async open({ target }: { target: DatabaseTarget }) {
    // One connection: what is set on it holds for the next statement too.
    const own = target.kind === 'postgresql' ? { ...target, poolSize: 1 } : target;
    db = await openDatabase(own, (error) => process.stderr.write(`${error.message}\n`));
    const rows = await db.query(readTenants, []);
    tenants = {
      environmentId: rows[0]?.environment_id ?? newId(),
      applications: rows.map((row) => row.application_id),
      endpoints: rows.map((row) => row.id),
    };
    endpointOf = new Map(rows.map((row) => [row.uid, row]));
  },
  /** So many deliveries, evenly over the last days. */
  async fill({ count, days }: { count: number; days: number }) {
    const firstAt = Date.now() - days * DAY_MS;
    await ensurePartitions(db, firstAt, Date.now() + DAY_MS);
    const stepMs = (days * DAY_MS) / count;
    await inChunks(0, count, (from, to) => insertFinished(db, tenants, { from, to, firstAt, stepMs }));
    // What autovacuum will have done by the time that so much is there. Embedded, nobody does it.
    if (db.kind === 'postgresql') await maintain();
  },
  /** So many deliveries for each of these applications' endpoints, due since the last hour; their lanes are calm. */
  async owe({ uids, count }: { uids: readonly string[]; count: number }) {
    const firstAt = Date.now() - HOUR_MS;
    await ensurePartitions(db, firstAt, Date.now() + DAY_MS);
    for (const [n, { id, application_id }] of neighbours(uids).entries()) {
      const one = { environmentId: tenants.environmentId, applications: [application_id], endpoints: [id] };
      const stretch = { firstAt: firstAt - n * HOUR_MS, stepMs: HOUR_MS / count };
      await inChunks(n * count, (n + 1) * count, (from, to) => insertDue(db, one, { from, to, ...stretch }));
    }
    if (db.kind === 'postgresql') await maintain();
  },
  /** Puts these back to where they were: all of it due, nothing tried, and nobody looking until their limit changes. */
  async calm({ uids, rateLimit }: { uids: readonly string[]; rateLimit: number }) {
    await calmDown(
      db,
      neighbours(uids).map(({ id }) => id),
      rateLimit,
    );
  },
  /** Milliseconds of each of so many claims, each of a handful of due deliveries. */
  async claims({ count }: { count: number }) {
    const took: number[] = [];
    while (took.length < count) {
      await makeDue();
      const from = performance.now();
      const { deliveries } = await claim(db, ROOM);
      took.push(performance.now() - from);
      if (deliveries.length !== DUE) throw new Error(`a claim brought ${deliveries.length} of ${DUE} deliveries`);
      await finish(deliveries);
    }
    return took;
  },
  async close() {
    await db.close();
  },
});

function neighbours(uids: readonly string[]) {
  return uids.flatMap((uid) => endpointOf.get(uid) ?? []);
}

async function inChunks(from: number, end: number, work: (from: number, to: number) => Promise<unknown>) {
  for (let at = from; at < end; at += CHUNK) await work(at, Math.min(at + CHUNK, end) - 1);
}

async function maintain(): Promise<void> {
  await db.script('set statement_timeout = 0');
  for (const table of ['message', 'delivery', 'attempt', 'lane']) await db.script(`vacuum analyze ${table}`);
  await db.script('checkpoint');
}

async function makeDue(): Promise<void> {
  const first = Math.floor(Math.random() * tenants.endpoints.length);
  await insertMessages(
    db,
    Array.from({ length: DUE }, (_, n) => {
      const at = (first + (n % LANES)) % tenants.endpoints.length;
      const id = newId();
      return {
        id,
        environmentId: tenants.environmentId,
        applicationId: tenants.applications[at] ?? id,
        eventType: EVENT_TYPE,
        eventId: null,
        payload: JSON.stringify(PAYLOAD),
        headers: null,
        channels: null,
        matching: '[]',
        deliveries: [
          {
            id: newDeliveryId(id),
            endpointId: tenants.endpoints[at] ?? id,
            trigger: 'scheduled' as const,
            status: 'PENDING' as const,
            dueInMs: 0,
          },
        ],
      };
    }),
  );
}

async function finish(deliveries: readonly LeasedDelivery[]): Promise<void> {
  await recordAttempts(
    db,
    deliveries.map((delivery) => ({
      delivery,
      number: 1,
      status: 'SENT' as const,
      delayMs: null,
      url: 'https://receiver.example/hooks',
      requestHeaders: '{}',
      responseStatus: 200,
      responseHeaders: '{}',
      responseBody: 'ok',
      errorCode: null,
      errorMessage: null,
      durationMs: 1,
      timings: '{}',
      startedAt: new Date(),
    })),
  );
}
