import { Agent, Client, Pool, request } from 'undici';
import { decodeSecret, sign } from '../packages/webhook/src/index.ts';
import { machineMs } from './clock.ts';
import { startChild } from './processes.ts';
import { median } from './statistics.ts';
import { CONNECTIONS, PAYLOAD, SECRET } from './workload.ts';

/**
 * What is the fastest way to send the bare loop with undici? Signed POSTs over 64 connections, each way in turn, medians.
 *
 *   node scripts/launch.mjs bench/senders.ts [ROUNDS]
 */
const ROUNDS = Number(process.argv[2] ?? 5);
const COUNT = 60_000;

const receiver = await startChild('receiver');
const origin = await receiver.ask<string>('url');
const key = decodeSecret(SECRET);
const body = JSON.stringify(PAYLOAD);
let sent = 0;

function post() {
  const id = `msg_bare${sent++}`;
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Postrider/1.0',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': sign(key, id, timestamp, body),
  };
  return { method: 'POST' as const, path: '/ok/0', headers, body };
}

const agent = new Agent({ connections: CONNECTIONS });
const pool = new Pool(origin, { connections: CONNECTIONS });
const clients = Array.from({ length: CONNECTIONS }, () => new Client(origin));
const ways: Readonly<Record<string, (connection: number) => Promise<unknown>>> = {
  'one Agent, request()': async () => {
    const { path, ...rest } = post();
    const response = await request(origin + path, { ...rest, dispatcher: agent });
    return response.body.dump();
  },
  'one Pool, request()': async () => (await pool.request(post())).body.dump(),
  'a Client per connection, request()': async (n) => (await clients[n]?.request(post()))?.body.dump(),
  'a Client per connection, dispatch()': (n) =>
    new Promise<void>((resolve, reject) =>
      clients[n]?.dispatch(post(), {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => reject(error),
      }),
    ),
};

const rates = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, way] of Object.entries(ways)) {
    const perSecond = await measure(way);
    // The first round is for the compiler.
    if (round >= 0) rates.get(name)?.push(perSecond);
  }
}
for (const [name, rounds] of rates) {
  process.stdout.write(`${name.padEnd(36)} ${Math.round(median(rounds)).toLocaleString('en-GB').padStart(7)}/s\n`);
}
receiver.stop();
process.exit(0);

async function measure(way: (connection: number) => Promise<unknown>): Promise<number> {
  const end = sent + COUNT;
  const from = machineMs();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, connection) => {
      while (sent < end) await way(connection);
    }),
  );
  return (COUNT * 1000) / (machineMs() - from);
}
