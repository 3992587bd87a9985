import { describe, expect, test } from 'vitest';
import { ComeLater, type Receivable, type Received, Receiver, type Take } from '../../src/sources/receiver.ts';
import { until } from '../kit/until.ts';

/** A queue in memory: what is put into it comes with the next receive. */
class FakeQueue implements Receivable<Received> {
  readonly acked: string[] = [];
  /** What each receive asked for. */
  readonly asked: number[] = [];
  isClosed = false;
  #waiting: Received[] = [];
  #arrival = Promise.withResolvers<void>();
  failure: Error | null = null;

  put(...bodies: string[]): void {
    this.#waiting.push(...bodies.map((body) => ({ id: body.slice(0, 20), body: Buffer.from(body), headers: {} })));
    this.#arrival.resolve();
  }

  async receive({ max }: { max: number }): Promise<Received[]> {
    this.asked.push(max);
    if (this.failure) throw this.failure;
    // As if the wait were over at once, were there nothing: a turn of the loop is enough.
    if (this.#waiting.length === 0) await new Promise(setImmediate);
    return this.#waiting.splice(0, max);
  }

  async ack(messages: readonly Received[]): Promise<void> {
    this.acked.push(...messages.map(({ id }) => id));
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function receive(queue: FakeQueue, take: Take<Received>, isOurs = () => true) {
  return new Receiver({ queue, take, isOurs, explain: (error) => String(error) });
}

describe('a receiver', () => {
  test('acks what was taken, repeated and refused, and counts the first', async () => {
    const queue = new FakeQueue();
    const receiver = receive(queue, async ({ id }) => (id === 'b' ? 'repeated' : id === 'c' ? 'rejected' : 'taken'));
    queue.put('a', 'b', 'c', 'd');
    await until(
      () => queue.acked.length,
      (count) => count === 4,
    );
    expect(receiver.news()).toMatchObject({ received: 2, error: null });
    expect(receiver.news()).toEqual({ received: 0, lastReceivedAt: null, error: undefined });
    await receiver.stop();
    expect(queue.isClosed).toBe(true);
  });

  test('acks nothing that is not taken, and takes it once what was in the way is gone', async () => {
    const queue = new FakeQueue();
    let isAway = true;
    const receiver = receive(queue, async () => {
      if (isAway) throw new Error('the database is away');
      return 'taken';
    });
    queue.put('a');
    await until(
      () => receiver.news().error,
      (error) => error === 'Error: the database is away',
    );
    const asked = queue.asked.length;
    expect(queue.acked).toEqual([]);
    queue.put('b');
    isAway = false;
    await until(
      () => queue.acked.length,
      (count) => count === 2,
    );
    // While something was in the way it asked for nothing more.
    expect(queue.acked).toEqual(['a', 'b']);
    expect(queue.asked.length).toBeGreaterThan(asked);
    expect(receiver.news().error).toBeNull();
    await receiver.stop();
  });

  test('ends where trying again is of no use, and gives back what it has', async () => {
    const queue = new FakeQueue();
    const receiver = receive(queue, async () => {
      throw new ComeLater('quota_exceeded: used up', 7_000);
    });
    queue.put('a', 'b');
    await until(
      () => receiver.endedFor,
      (ms) => ms === 7_000,
    );
    await receiver.stop();
    expect(queue.acked).toEqual([]);
    expect(queue.isClosed).toBe(true);
    expect(receiver.news()).toMatchObject({ received: 0, error: 'Error: quota_exceeded: used up' });
  });

  test('takes nothing once another may receive', async () => {
    const queue = new FakeQueue();
    let isOurs = true;
    const receiver = receive(
      queue,
      async () => {
        isOurs = false;
        throw new Error('away');
      },
      () => isOurs,
    );
    queue.put('a');
    await until(
      () => isOurs,
      (ours) => !ours,
    );
    await receiver.stop();
    expect(queue.acked).toEqual([]);
  });

  test('has no more in hand than 500, and asks for fewer where they are large', async () => {
    const queue = new FakeQueue();
    const waiting: (() => void)[] = [];
    const receiver = receive(queue, () => new Promise((resolve) => waiting.push(() => resolve('taken'))));
    queue.put(...Array.from({ length: 1_200 }, (_, n) => `m${n}`));
    await until(
      () => waiting.length,
      (count) => count === 500,
    );
    await new Promise(setImmediate);
    expect(waiting.length).toBe(500);
    for (const end of waiting.splice(0)) end();
    await until(
      () => waiting.length,
      (count) => count === 500,
    );
    for (const end of waiting.splice(0)) end();
    await until(
      () => waiting.length,
      (count) => count === 200,
    );
    for (const end of waiting.splice(0)) end();
    await until(
      () => queue.acked.length,
      (count) => count === 1_200,
    );
    queue.put('x'.repeat(8 * 1024 * 1024));
    await until(
      () => queue.asked.at(-1) ?? 0,
      (max) => max <= 4,
    );
    for (const end of waiting.splice(0)) end();
    await receiver.stop();
  });

  test('says that its broker is away, and goes on by itself', async () => {
    const queue = new FakeQueue();
    queue.failure = new Error('unreachable');
    const receiver = receive(queue, async () => 'taken');
    await until(
      () => receiver.news().error,
      (error) => error === 'Error: unreachable',
    );
    queue.failure = null;
    queue.put('a');
    await until(
      () => queue.acked.length,
      (count) => count === 1,
    );
    expect(receiver.news().error).toBeNull();
    await receiver.stop();
  });
});
