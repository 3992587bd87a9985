import { newDeliveryId, newId } from '../apps/server/src/core/ids.ts';
import { insertMessages, type NewMessage } from '../apps/server/src/store/acceptance.ts';
import { openDatabase } from '../apps/server/src/store/database.ts';
import { type AttemptResult, recordAttempts } from '../apps/server/src/store/lease.ts';
import { migrate } from '../apps/server/src/store/migrate.ts';
import { DAY_MS, ensurePartitions } from '../apps/server/src/store/partition.ts';
import { openHome } from './home.ts';
import { openServer } from './server.ts';
import { processCpu } from './usage.ts';
import { PAYLOAD } from './workload.ts';

/**
 * What accepting and recording cost the database by the size of the batch and by how many days are kept: microseconds
 * of the server's CPU a message with one delivery, on PostgreSQL, one statement after the other.
 *
 *   node scripts/launch.mjs bench/statements.ts [DELIVERIES]
 */
const DELIVERIES = Number(process.argv[2] ?? 20_000);
const BATCHES = [1, 27, 170] as const;
const DAYS = [1, 30] as const;

const server = await openServer((line) => process.stderr.write(`${line}\n`));
const environmentId = newId();
const applicationId = newId();
const endpointId = newId();
const payload = JSON.stringify(PAYLOAD);
try {
  for (const days of DAYS) {
    const home = await openHome(server);
    if (home.target.kind !== 'postgresql') throw new Error('this is about PostgreSQL');
    const db = await openDatabase({ ...home.target, poolSize: 1 }, () => {});
    await migrate(db);
    await ensurePartitions(db, Date.now() - days * DAY_MS, Date.now() + 7 * DAY_MS);
    const pid =
      (await db.query<{ pid: number }>({ name: '', text: 'select pg_backend_pid() as pid' }, []))[0]?.pid ?? 0;
    for (const size of BATCHES) {
      const count = Math.min(DELIVERIES, size * 4_000);
      await warmUp(db, size, Math.min(count, size * 100));
      const before = processCpu(pid).total;
      const messages = await accept(db, size, count);
      const between = processCpu(pid).total;
      await record(db, size, messages);
      const after = processCpu(pid).total;
      const micros = (seconds: number) => ((seconds * 1e6) / count).toFixed(1).padStart(7);
      process.stdout.write(
        `${String(days).padStart(3)} days, batches of ${String(size).padStart(3)}: accept ${micros(between - before)}   record ${micros(after - between)}\n`,
      );
    }
    await db.close();
    await home.drop();
  }
} finally {
  await server.stop();
}

async function warmUp(db: Parameters<typeof insertMessages>[0], size: number, count: number) {
  await record(db, size, await accept(db, size, count));
}

async function accept(db: Parameters<typeof insertMessages>[0], size: number, count: number) {
  const all: NewMessage[] = [];
  for (let n = 0; n < count; n += size) {
    const batch = Array.from({ length: size }, newMessage);
    await insertMessages(db, batch);
    all.push(...batch);
  }
  return all;
}

async function record(db: Parameters<typeof insertMessages>[0], size: number, messages: readonly NewMessage[]) {
  for (let n = 0; n < messages.length; n += size) {
    await recordAttempts(db, messages.slice(n, n + size).map(sent));
  }
}

function newMessage(): NewMessage {
  const id = newId();
  return {
    ...{
      id,
      environmentId,
      applicationId,
      eventType: 'bench.event',
      eventId: null,
      payload,
      headers: null,
      channels: null,
    },
    matching: '[]',
    deliveries: [{ id: newDeliveryId(id), endpointId, trigger: 'scheduled', status: 'SENDING', dueInMs: 30_000 }],
  };
}

function sent(message: NewMessage): AttemptResult {
  return {
    delivery: {
      ...message,
      ...{ id: message.deliveries[0]?.id ?? message.id, messageId: message.id, endpointId, trigger: 'scheduled' },
      ...{ attemptCount: 0, lease: 1, headers: null, isProbe: false, isCounted: false },
    },
    ...{ number: 1, status: 'SENT', delayMs: null, url: 'http://127.0.0.1:4600/ok/0' },
    requestHeaders:
      '{"content-type":"application/json","user-agent":"Postrider/1.0","webhook-id":"msg_06dc1m6xqs0thk7xsvb8vk5srm","webhook-timestamp":"1700000000","webhook-signature":"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="}',
    responseStatus: 200,
    responseHeaders: '{"content-type":"text/plain","date":"Sat, 21 Nov 2026 14:00:00 GMT","connection":"keep-alive"}',
    ...{ responseBody: 'ok', errorCode: null, errorMessage: null, durationMs: 2 },
    timings: '{"dns":null,"connect":null,"tls":null,"first_byte":2}',
    startedAt: new Date(),
  };
}
