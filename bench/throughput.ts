import { type DatabaseKind, startEngine } from './engine.ts';
import { type Child, startChild } from './processes.ts';

/** Deliveries per second end to end, as a share of the bare loop: rows (a) and (b). */
export interface Throughput {
  readonly database: DatabaseKind;
  readonly fanout: number;
  readonly perSecond: number;
  readonly share: number;
  readonly cpuMicrosPerDelivery: number;
  readonly peakMb: number;
}

export const CONNECTIONS = 64;
const PAYLOAD = { type: 'bench.event', data: { text: 'x'.repeat(450) } };
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** The bare loop, deliveries per second. */
export async function bareLoop(receiver: Child, count: number): Promise<number> {
  const bare = await startChild('bare');
  const run = (n: number) => bareRun(bare, receiver, n);
  await run(Math.min(count, 5_000));
  const perSecond = await run(count);
  bare.stop();
  return perSecond;
}

async function bareRun(bare: Child, receiver: Child, count: number): Promise<number> {
  const url = `${await receiver.ask<string>('url')}/ok`;
  const before = await receiver.ask<number>('count');
  const body = JSON.stringify(PAYLOAD);
  const done = receiver.ask<number>('until', { total: before + count });
  const { startedAt } = await bare.ask<{ startedAt: number }>('run', {
    url,
    secret: SECRET,
    body,
    count,
    connections: CONNECTIONS,
  });
  return (count * 1000) / ((await done) - startedAt);
}

/** @param deliveries how many in all; messages = deliveries / fanout. */
export async function throughput(
  receiver: Child,
  load: Child,
  options: { database: DatabaseKind; serverUrl: string | undefined; fanout: number; deliveries: number; bare: number },
): Promise<Throughput> {
  const { database, serverUrl, fanout, deliveries, bare } = options;
  const engine = await startEngine(database, serverUrl);
  const url = await receiver.ask<string>('url');
  for (let n = 0; n < fanout; n++) await engine.post('/v1/endpoints', { url: `${url}/ok/${n}`, secret: SECRET });
  const run = async (count: number) => {
    const before = await receiver.ask<number>('count');
    const done = receiver.ask<number>('until', { total: before + count * fanout });
    const published = await load.ask<{ startedAt: number; accepted: number }>('publish', {
      url: engine.url,
      key: engine.key,
      body: JSON.stringify({ event_type: 'bench.event', payload: PAYLOAD }),
      count,
      connections: CONNECTIONS,
    });
    if (published.accepted !== count) throw new Error(`only ${published.accepted} of ${count} were accepted`);
    return (count * fanout * 1000) / ((await done) - published.startedAt);
  };
  await run(2_000);
  const before = engine.usage();
  let peakMb = before.rssMb;
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, engine.usage().rssMb);
  }, 50);
  const perSecond = await run(Math.round(deliveries / fanout));
  clearInterval(watch);
  const cpu = engine.usage().cpuSeconds - before.cpuSeconds;
  await engine.stop();
  return {
    database,
    fanout,
    perSecond,
    share: perSecond / bare,
    cpuMicrosPerDelivery: (cpu * 1e6) / deliveries,
    peakMb,
  };
}
