import type { Begun, Schedule } from './children/open-loop.ts';
import type { Engine } from './engine.ts';
import type { Child } from './processes.ts';
import { CONNECTIONS, EVENT_TYPE, PAYLOAD } from './workload.ts';

/** Enough for the compiler to be done with what runs for every delivery: later rounds are no faster. */
export const WARM_UP = 15_000;

export interface Players {
  readonly engine: Engine;
  readonly receiver: Child;
  readonly load: Child;
}

const body = JSON.stringify({ event_type: EVENT_TYPE, payload: PAYLOAD });

/**
 * Publishes so many messages as fast as they are taken.
 *
 * @returns deliveries per second, from the first call of the producer to the last request of the receiver.
 */
export async function publish(
  { engine, receiver, load }: Omit<Players, 'engine'> & { readonly engine: Pick<Engine, 'url' | 'key'> },
  messages: number,
  fanout: number,
): Promise<number> {
  const deliveries = messages * fanout;
  const before = await receiver.ask<number>('count');
  const [doneAt, { startedAt, accepted }] = await Promise.all([
    receiver.ask<number>('until', { total: before + deliveries }),
    load.ask<{ startedAt: number; accepted: number }>('publish', {
      url: engine.url,
      key: engine.key,
      body,
      count: messages,
      connections: CONNECTIONS,
    }),
  ]);
  if (accepted !== messages) throw new Error(`only ${accepted} of ${messages} messages were accepted`);
  return (deliveries * 1000) / (doneAt - startedAt);
}

/** Milliseconds, one value for each message. */
export interface Arrivals {
  /** From the moment at which the producer began its call to the moment at which the receiver had the request. */
  readonly latencies: number[];
  /** How much later than scheduled the calls began: the load generator's own fault. */
  readonly late: number[];
}

/** Calls at a steady rate, each message to one endpoint at /timed. What came in the first `warmUp` seconds is left out. */
export async function arrivals(
  { engine, receiver, load }: Players,
  pace: Pick<Schedule, 'paths' | 'perSecond' | 'seconds'>,
  warmUp: number,
): Promise<Arrivals> {
  const seconds = warmUp + pace.seconds;
  const total = Math.round(pace.perSecond * seconds);
  const [receipts, begun] = await Promise.all([
    receiver.ask<[string, number][]>('receipts', { total }),
    load.ask<Begun[]>('schedule', { ...pace, seconds, url: engine.url, key: engine.key, body }),
  ]);
  const receivedAt = new Map(receipts);
  const counted = begun.slice(Math.round(pace.perSecond * warmUp));
  return {
    latencies: counted.map(({ id, at }) => (receivedAt.get(id) ?? Number.NaN) - at),
    late: counted.map(({ lateMs }) => lateMs),
  };
}

/** Resolves once every result is recorded. Rejects where a delivery failed: then not all of the speed was work. */
export async function settled(engine: Engine): Promise<void> {
  const some = async (status: string) =>
    (await engine.call<{ data: unknown[] }>('GET', `/v1/deliveries?limit=1&status=${status}`)).data.length > 0;
  while (await some('SENDING')) await new Promise((resolve) => setTimeout(resolve, 100));
  if ((await some('PENDING')) || (await some('FAILED')))
    throw new Error('not every delivery was SENT at the first try');
}
