import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type IncomingMessage, PoisonGuard, QueueError, type QueuePort } from '../../src/index.ts';
import { theirs } from '../brokers/theirs.ts';
import { type BrokerStage, notRun, theirStage } from './stage.ts';

const WAIT_MS = 20_000;

/**
 * What every adapter promises, on a real broker.
 *
 * @param open starts the broker; called once, before the first check. Not where one is there already (see theirs.ts).
 * @param missing why there is no such broker here: then nothing is checked, and the report says so.
 */
export function conformance(kind: string, open: () => Promise<BrokerStage>, missing: string | null = null): void {
  const their = theirs(kind);
  check(kind, their ? () => theirStage(kind, their) : open, their ? null : missing);
}

function check(kind: string, open: () => Promise<BrokerStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(missing === null ? `${kind}: a queue` : `${kind}: ${missing}`, () => {
    let stage: BrokerStage;
    const opened: QueuePort[] = [];

    beforeAll(async () => {
      stage = await open();
    }, 300_000);
    beforeEach(({ task }) => {
      task.meta.version = stage.version;
    });
    afterEach(async () => {
      for (const port of opened.splice(0)) await port.close();
    });
    afterAll(() => stage?.close());

    const use = async (queue: string = randomUUID()) => {
      const port = await stage.open(queue);
      opened.push(port);
      return port;
    };

    test('gives what was published, byte for byte, with its headers', async () => {
      const queue = await use();
      const body = Buffer.from([0, 255, 128, 10, 13, ...Buffer.from('{"a":1.0} ✓')]);
      await queue.publish([{ body, headers: { 'x-a': '1', 'webhook-id': 'msg_1' } }, { body: '{}' }]);
      const got = await collect(queue, 2);
      const [first, second] = got.toSorted((a, b) => b.body.length - a.body.length);
      expect(first?.body.equals(body)).toBe(true);
      expect(first).toMatchObject({ headers: { 'x-a': '1', 'webhook-id': 'msg_1' }, group: null, deliveryCount: 1 });
      expect(second?.body.toString()).toBe('{}');
      await queue.ack(got);
    });

    test('gives nothing where nothing is, in the time that was asked for', async () => {
      expect(await (await use()).receive({ max: 10, waitMs: 200 })).toEqual([]);
    });

    test('gives no more of what was acked, to anybody', async () => {
      const name = randomUUID();
      const queue = await use(name);
      await queue.publish([{ body: 'a' }]);
      await queue.ack(await collect(queue, 1));
      expect(await queue.receive({ max: 10, waitMs: 500 })).toEqual([]);
      await queue.close();
      opened.splice(opened.indexOf(queue), 1);
      expect(await (await use(name)).receive({ max: 10, waitMs: 1_000 })).toEqual([]);
    });

    test('gives what was nacked again, and counts', async () => {
      const queue = await use();
      await queue.publish([{ body: 'again' }]);
      for (const deliveryCount of [1, 2, 3]) {
        const [message] = await collect(queue, 1);
        expect(message).toMatchObject({ deliveryCount });
        expect(message?.body.toString()).toBe('again');
        if (message) await (deliveryCount < 3 ? queue.nack([message]) : queue.ack([message]));
      }
    });

    test('gives what was nacked with a delay no sooner', async () => {
      const queue = await use();
      await queue.publish([{ body: 'patience' }]);
      const [first] = await collect(queue, 1);
      const nackedAt = performance.now();
      if (first) await queue.nack([first], { delayMs: 1_500 });
      const [again] = await collect(queue, 1);
      // Some brokers count in whole seconds.
      expect(performance.now() - nackedAt).toBeGreaterThan(900);
      expect(again).toMatchObject({ deliveryCount: 2 });
      if (again) await queue.ack([again]);
    });

    test('drops a second message with the same dedupe id, where it dedupes', async () => {
      const queue = await use();
      await queue.publish([
        { body: 'once', dedupeId: 'd1' },
        { body: 'other', dedupeId: 'd2' },
      ]);
      await queue.publish([{ body: 'twice', dedupeId: 'd1' }, { body: 'last' }]);
      const got = await collect(queue, queue.traits.dedupes ? 3 : 4);
      const expected = queue.traits.dedupes ? ['last', 'once', 'other'] : ['last', 'once', 'other', 'twice'];
      expect(got.map(({ body }) => body.toString()).toSorted()).toEqual(expected);
      await queue.ack(got);
    });

    test('gives what was in the hand of a client that went away', async () => {
      const name = randomUUID();
      const first = await use(name);
      await first.publish([{ body: 'orphan' }]);
      await collect(first, 1);
      await first.close();
      opened.splice(opened.indexOf(first), 1);
      const second = await use(name);
      const [message] = await collect(second, 1);
      expect(message?.body.toString()).toBe('orphan');
      if (message) await second.ack([message]);
    });

    test('keeps the order within a group, through a nack, while another group goes on', async (context) => {
      if (stage.unordered) notRun(context, stage.unordered);
      const queue = await use();
      const sent = [1, 2, 3, 4].flatMap((n) => ['a', 'b'].map((group) => ({ group, body: `${group}${n}` })));
      await queue.publish(sent);
      const done: Record<string, string[]> = { a: [], b: [] };
      let isNacked = false;
      while ((done.a?.length ?? 0) + (done.b?.length ?? 0) < 8) {
        const got = await queue.receive({ max: 4, waitMs: WAIT_MS });
        expect(got.length).toBeGreaterThan(0);
        // One of a group at a time.
        expect(new Set(got.map(({ group }) => group)).size).toBe(got.length);
        for (const message of got) {
          if (message.body.toString() === 'a2' && !isNacked) {
            isNacked = true;
            await queue.nack([message]);
            continue;
          }
          done[message.group ?? '']?.push(message.body.toString());
          await queue.ack([message]);
        }
      }
      expect(done).toEqual({ a: ['a1', 'a2', 'a3', 'a4'], b: ['b1', 'b2', 'b3', 'b4'] });
    });

    test('keeps the order of many groups while handlers are slow and fail', { timeout: 60_000 }, async (context) => {
      if (stage.unordered) notRun(context, stage.unordered);
      const queue = await use();
      const groups = ['a', 'b', 'c', 'd', 'e'];
      const sent = Array.from({ length: 40 }, (_, n) => n).flatMap((n) =>
        groups.map((group) => ({ group, body: `${n}` })),
      );
      await queue.publish(sent);
      const done = new Map<string, number[]>(groups.map((group) => [group, []]));
      const inHand = new Set<string>();
      const all = Promise.withResolvers<void>();
      const consumer = queue.consume(
        async ({ group, body, deliveryCount }) => {
          const [name, n] = [group ?? '', Number(body.toString())];
          // One of a group at a time.
          if (inHand.has(name)) all.reject(new Error(`two of ${name} in hand`));
          inHand.add(name);
          await new Promise((resolve) => setTimeout(resolve, n % 3));
          inHand.delete(name);
          if (n % 7 === 3 && deliveryCount === 1) throw new Error('not yet');
          done.get(name)?.push(n);
          if ([...done.values()].every(({ length }) => length === 40)) all.resolve();
        },
        { concurrency: 16 },
      );
      await all.promise.finally(() => consumer.stop());
      for (const order of done.values()) expect(order).toEqual(Array.from({ length: 40 }, (_, n) => n));
    });

    test('consumes: acks what was handled, gives again what threw', async () => {
      const name = randomUUID();
      const queue = await use(name);
      await queue.publish(Array.from({ length: 20 }, (_, n) => ({ body: String(n) })));
      const counts = new Map<string, number>();
      const seen = Promise.withResolvers<void>();
      const consumer = queue.consume(
        async ({ body, deliveryCount }) => {
          const text = body.toString();
          counts.set(text, deliveryCount);
          if (text === '7' && deliveryCount === 1) throw new Error('not yet');
          if (counts.size === 20 && counts.get('7') === 2) seen.resolve();
        },
        { concurrency: 4 },
      );
      await seen.promise;
      await consumer.stop();
      await queue.close();
      opened.splice(opened.indexOf(queue), 1);
      expect(await (await use(name)).receive({ max: 10, waitMs: 1_000 })).toEqual([]);
    });

    test('loses none of 10,000 messages', { timeout: 300_000 }, async () => {
      const queue = await use();
      const all = Array.from({ length: 10_000 }, (_, n) => String(n));
      const seen = new Set<string>();
      const done = Promise.withResolvers<void>();
      const consumer = queue.consume(
        async ({ body }) => {
          seen.add(body.toString());
          if (seen.size === all.length) done.resolve();
        },
        { concurrency: 200 },
      );
      for (let at = 0; at < all.length; at += 500) {
        await queue.publish(all.slice(at, at + 500).map((body) => ({ body })));
      }
      await done.promise;
      await consumer.stop();
    });

    test('puts what is poison in the dead-letter place, once it was tried often enough', async () => {
      const name = randomUUID();
      const dead = await use(`${name}-dead`);
      const guard = new PoisonGuard(await use(name), { dead, maxDeliveries: 3 });
      await guard.publish([{ body: 'poison', headers: { 'x-a': '1' } }, { body: 'good' }]);
      const tries: number[] = [];
      const consumer = guard.consume(async ({ body, deliveryCount }) => {
        if (body.toString() !== 'poison') return;
        tries.push(deliveryCount);
        throw new Error('never');
      });
      const [buried] = await collect(dead, 1);
      expect(tries).toEqual([1, 2, 3]);
      expect(buried?.body.toString()).toBe('poison');
      expect(buried?.headers).toMatchObject({ 'x-a': '1', 'postrider-delivery-count': '3' });
      if (buried) await dead.ack([buried]);
      await consumer.stop();
    });

    test('refuses what is over the limit, and says so', async () => {
      const queue = await use();
      const body = Buffer.alloc(queue.traits.maxBytes + 1);
      await expect(queue.publish([{ body }])).rejects.toMatchObject({ code: 'too_large' });
    });

    test('keeps what is delayed until its time, or says that it cannot', async () => {
      const queue = await use();
      const delayed = queue.publish([{ body: 'later', delayMs: 1_500 }]);
      if (!queue.traits.delays) {
        await expect(delayed).rejects.toMatchObject({ code: 'unsupported' });
        return;
      }
      const publishedAt = performance.now();
      await delayed;
      const [message] = await collect(queue, 1);
      // Some brokers count in whole seconds.
      expect(performance.now() - publishedAt).toBeGreaterThan(900);
      if (message) await queue.ack([message]);
    });

    test('is healthy, and is not while its broker is down; comes back by itself with what it had', {
      timeout: 240_000,
    }, async (context) => {
      const { server } = stage;
      if (!server) return notRun(context, 'this broker is not ours to stop');
      const queue = await use();
      expect(await queue.health()).toEqual({ ok: true });
      await queue.publish([{ body: 'kept' }]);
      await server.halt();
      try {
        expect(await queue.health()).toMatchObject({ ok: false, reason: expect.any(String) });
        await expect(queue.publish([{ body: 'x' }])).rejects.toBeInstanceOf(QueueError);
      } finally {
        await server.resume();
      }
      await expect.poll(() => queue.health(), { timeout: 60_000 }).toEqual({ ok: true });
      await queue.publish([{ body: 'after' }]);
      const got = await collect(queue, 2);
      expect(got.map(({ body }) => body.toString()).toSorted()).toEqual(['after', 'kept']);
      await queue.ack(got);
    });

    test('changes its credentials under load and loses nothing', { timeout: 120_000 }, async (context) => {
      const { users } = stage;
      if (!users) return notRun(context, 'no users are made on this broker');
      const name = randomUUID();
      const before = await users.create();
      const old = await stage.open(name, before);
      const seen = new Set<string>();
      const reader = (await use(name)).consume(async ({ body }) => void seen.add(body.toString()));
      let sent = 0;
      for (; sent < 200; sent += 10) await old.publish(tens(sent));
      const after = await users.create();
      const fresh = await stage.open(name, after);
      opened.push(fresh);
      for (; sent < 400; sent += 10) await Promise.all([old.publish(tens(sent)), fresh.publish(tens(sent + 1_000))]);
      await old.close();
      await users.remove(before);
      for (; sent < 600; sent += 10) await fresh.publish(tens(sent));
      await expect.poll(() => seen.size, { timeout: WAIT_MS }).toBe(800);
      await reader.stop();
      const refused = await stage.open(name, before);
      opened.push(refused);
      await expect(refused.publish([{ body: 'x' }])).rejects.toBeInstanceOf(QueueError);
    });
  });
}

function tens(from: number) {
  return Array.from({ length: 10 }, (_, n) => ({ body: String(from + n) }));
}

/** Receives until there are so many. */
async function collect(queue: QueuePort, count: number): Promise<IncomingMessage[]> {
  const got: IncomingMessage[] = [];
  const until = performance.now() + WAIT_MS;
  while (got.length < count && performance.now() < until) {
    got.push(...(await queue.receive({ max: count - got.length, waitMs: 1_000 })));
  }
  expect(got).toHaveLength(count);
  return got;
}
