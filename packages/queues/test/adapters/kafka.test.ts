import { randomUUID } from 'node:crypto';
import { type Admin, Consumer, Producer } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KafkaQueue, type KafkaQueueConfig } from '../../src/adapters/kafka.ts';
import { missing, OwnKafka } from '../brokers/kafka.ts';
import { freePort } from '../brokers/server-process.ts';
import { refusals } from '../conformance/refusals.ts';

refusals(
  'kafka',
  async () => {
    const server = await OwnKafka.start();
    const config = server.config();
    return {
      at: (host, port) => new KafkaQueue({ ...config, brokers: `${host}:${port}`, queue: 'q' }),
      withWrongPassword: () => new KafkaQueue({ ...server.config({ user: 'admin', password: 'wrong' }), queue: 'q' }),
      withoutQueue: () => new KafkaQueue({ ...config, queue: 'none', create: false }),
      open: () => new KafkaQueue({ ...config, queue: 'q' }),
      process: server,
      close: () => server.stop(),
    };
  },
  missing,
);

test('what a Kafka queue cannot be made of is refused when it is made, by the name of the field', () => {
  const make = (config: Partial<KafkaQueueConfig>) => new KafkaQueue({ brokers: 'localhost', queue: 'q', ...config });
  for (const brokers of ['', 'kafka://localhost', 'a:b', 'a:9092,', 'user@a', 'a/b']) {
    expect(() => make({ brokers })).toThrow(/^brokers: /);
  }
  for (const queue of ['', 'a b', 'a/b', 'ä']) expect(() => make({ queue })).toThrow(/^queue: /);
  expect(() => make({ sasl: { mechanism: 'plain', username: '', password: 'a' } })).toThrow(/^sasl: /);
  expect(() => make({ leaseSeconds: 5 })).toThrow(/^leaseSeconds: /);
  expect(() => make({ maxAhead: 0 })).toThrow(/^maxAhead: /);
  expect(() => make({ partitions: 0 })).toThrow(/^partitions: /);
  expect(make({ brokers: 'a, b:1,[::1]:9093' })).toBeInstanceOf(KafkaQueue);
});

describe.skipIf(missing !== null)('a Kafka queue', () => {
  let server: OwnKafka;
  let admin: Admin;
  const opened: KafkaQueue[] = [];

  beforeAll(async () => {
    server = await OwnKafka.start();
    admin = server.admin();
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    await admin?.close();
    await server?.stop();
  });

  const use = (config: Partial<KafkaQueueConfig> = {}) => {
    const queue = new KafkaQueue({ ...server.config(), queue: randomUUID(), ...config });
    opened.push(queue);
    return queue;
  };
  const texts = (messages: { body: Buffer; deliveryCount: number }[]) =>
    messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);
  const committed = async (topic: string) => {
    const groups = await admin.listConsumerGroupOffsets({ groups: [`postrider-${topic}`] });
    const partitions = groups.flatMap(({ topics }) => topics).flatMap((each) => each.partitions);
    return partitions.reduce((sum, { committedOffset }) => sum + Math.max(0, Number(committedOffset)), 0);
  };

  test('takes over the partitions of a receiver that vanished, once its lease has ended', async () => {
    const name = randomUUID();
    const queue = use({ queue: name, leaseSeconds: 6 });
    await queue.publish([{ body: 'a' }]);
    const groupId = `postrider-${name}`;
    const protocols = [{ name: 'cooperative-sticky', version: 3 }];
    const ghost = new Consumer({
      ...server.client('other'),
      groupId,
      protocols,
      sessionTimeout: 6_000,
      rebalanceTimeout: 6_000,
    });
    ghost.topics.track(name);
    await ghost.joinGroup({});
    await ghost.connections.close();
    expect(texts(await queue.receive({ max: 1, waitMs: 30_000 }))).toEqual(['a 1']);
  });

  test('keeps what is in hand for longer than its lease', async () => {
    const name = randomUUID();
    const [holder, other] = [1, 2].map(() => use({ queue: name, partitions: 1, leaseSeconds: 6 }));
    await holder?.publish([{ body: 'held' }]);
    const held = (await holder?.receive({ max: 1, waitMs: 10_000 })) ?? [];
    expect(texts(held)).toEqual(['held 1']);
    expect(await other?.receive({ max: 1, waitMs: 8_000 })).toEqual([]);
    await holder?.ack(held);
    expect(await committed(name)).toBe(1);
  });

  test('goes on with what it has in hand, and acks it, while another receiver joins', async () => {
    const name = randomUUID();
    const first = use({ queue: name, partitions: 4 });
    await first.publish(Array.from({ length: 8 }, (_, n) => ({ body: `${n}`, group: `${n}` })));
    const held = await first.receive({ max: 8, waitMs: 10_000 });
    const second = use({ queue: name });
    const seen = new Set<string>();
    const consumers = [first, second].map((queue) => queue.consume(async ({ body }) => void seen.add(body.toString())));
    await expect.poll(() => seen.size, { timeout: 20_000 }).toBeGreaterThan(0);
    await first.ack(held);
    // What moved came to the other; what stayed was acked here.
    await expect.poll(() => committed(name), { timeout: 20_000 }).toBe(8);
    expect(seen.size).toBeLessThan(8);
    for (const consumer of consumers) await consumer.stop();
  });

  test('keeps the order of each group with several receivers that come and go', { timeout: 60_000 }, async () => {
    const name = randomUUID();
    const groups = Array.from({ length: 12 }, (_, n) => `group-${n}`);
    const publisher = use({ queue: name });
    await publisher.publish(groups.flatMap((group) => Array.from({ length: 30 }, (_, n) => ({ group, body: `${n}` }))));
    const seen = new Map<string, number[]>(groups.map((group) => [group, []]));
    const start = () => {
      const queue = use({ queue: name });
      const consumer = queue.consume(async ({ group, body }) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.get(group ?? '')?.push(Number(body.toString()));
      });
      return async () => {
        await consumer.stop();
        await queue.close();
      };
    };
    const count = () => [...seen.values()].reduce((sum, each) => sum + each.length, 0);
    const stopFirst = start();
    await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(10);
    const stopSecond = start();
    await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(100);
    await stopFirst();
    await expect.poll(() => committed(name), { timeout: 30_000 }).toBe(360);
    await stopSecond();
    for (const numbers of seen.values()) {
      // What was in hand when its partition moved came twice.
      const firsts = numbers.filter((n, at) => numbers.indexOf(n) === at);
      expect(firsts).toEqual(Array.from({ length: 30 }, (_, n) => n));
    }
  });

  test('tells Kafka of nothing above a message that is not acked', async () => {
    const name = randomUUID();
    const queue = use({ queue: name, partitions: 1 });
    await queue.publish(['a', 'b', 'c'].map((body) => ({ body })));
    const [a, ...rest] = await queue.receive({ max: 3, waitMs: 10_000 });
    await queue.ack(rest);
    expect(await committed(name)).toBe(0);
    if (a) await queue.ack([a]);
    expect(await committed(name)).toBe(3);
  });

  test('reads no further past a message that is not acked than it was told', async () => {
    const queue = use({ partitions: 1, maxAhead: 5 });
    for (let n = 0; n < 10; n++) await queue.publish([{ body: `${n}` }]);
    const [held] = await queue.receive({ max: 1, waitMs: 10_000 });
    const seen: string[] = [];
    for (;;) {
      const messages = await queue.receive({ max: 10, waitMs: 1_500 });
      if (messages.length === 0) break;
      seen.push(...texts(messages));
      await queue.ack(messages);
    }
    // Those that came together are handed on together.
    expect(seen.length).toBeLessThan(10);
    if (held) await queue.ack([held]);
    while (seen.length < 9) {
      const messages = await queue.receive({ max: 10, waitMs: 10_000 });
      expect(messages.length).toBeGreaterThan(0);
      seen.push(...texts(messages));
      await queue.ack(messages);
    }
    expect(seen).toEqual(Array.from({ length: 9 }, (_, n) => `${n + 1} 1`));
  });

  test('leaves the group when nobody has asked it for so long as its lease, and comes back when asked', async () => {
    const name = randomUUID();
    const queue = use({ queue: name, leaseSeconds: 6 });
    const groups = [`postrider-${name}`];
    const members = async () => [...(await admin.describeGroups({ groups })).values()][0]?.members.size;
    await queue.publish([{ body: 'a' }, { body: 'b' }]);
    const [message] = await queue.receive({ max: 1, waitMs: 10_000 });
    expect(await members()).toBe(1);
    if (message) await queue.ack([message]);
    await expect.poll(members, { timeout: 30_000, interval: 500 }).toBe(0);
    expect(await queue.receive({ max: 2, waitMs: 10_000 })).toHaveLength(1);
  });

  test('publishes at once what together is over the limit of a batch', async () => {
    const queue = use({ partitions: 1 });
    const body = Buffer.alloc(600_000, 'x');
    await queue.publish([{ body }, { body }, { body: Buffer.alloc(1_000_000) }]);
    let count = 0;
    while (count < 3) count += (await queue.receive({ max: 3, waitMs: 10_000 })).length;
    expect(count).toBe(3);
  });

  test('gives what others published: compressed, in a transaction, without a value, with any headers', async () => {
    const name = randomUUID();
    const queue = use({ queue: name, partitions: 1 });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    await queue.health();
    const theirs = new Producer({ ...server.client('other'), idempotent: true, transactionalId: name });
    const of = (text: string) => Buffer.from(text);
    for (const isKept of [false, true]) {
      const transaction = await theirs.beginTransaction();
      await transaction.send({
        compression: 'gzip',
        messages: [
          { topic: name, key: of('k'), value: of(`${isKept}`), headers: new Map([[of('X-Kind'), of('order')]]) },
          { topic: name, key: of('gone') },
        ],
      });
      await (isKept ? transaction.commit() : transaction.abort());
    }
    await theirs.close();
    const got = [];
    while (got.length < 2) got.push(...(await queue.receive({ max: 2, waitMs: 10_000 })));
    expect(texts(got)).toEqual(['true 1', ' 1']);
    expect(got[0]).toMatchObject({ headers: { 'x-kind': 'order' }, group: 'k' });
    await queue.ack(got);
    // Two messages and a marker, twice.
    await expect.poll(() => committed(name)).toBeGreaterThanOrEqual(5);
  });

  test('makes its topic anew where it was deleted', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    await queue.publish([{ body: 'gone' }]);
    await queue.ack(await queue.receive({ max: 1, waitMs: 10_000 }));
    await admin.deleteTopics({ topics: [name] });
    await queue.publish([{ body: 'a' }]);
    expect(texts(await queue.receive({ max: 1, waitMs: 20_000 }))).toEqual(['a 1']);
  });

  test('may do no more than it has to, on its own topic', async () => {
    const config = server.config(await server.createUser('orders'));
    const queue = use({ ...config, queue: 'orders' });
    await queue.publish([{ body: 'a' }]);
    await queue.ack(await queue.receive({ max: 1, waitMs: 10_000 }));
    expect(await queue.health()).toEqual({ ok: true });
    const refusal = { code: 'unauthorized' };
    await expect(use({ ...config, queue: 'invoices' }).publish([{ body: 'a' }])).rejects.toMatchObject(refusal);
    const theirs = use({ ...config, queue: 'orders', group: 'theirs' });
    await expect(theirs.receive({ max: 1, waitMs: 20_000 })).rejects.toMatchObject(refusal);
  });

  test('goes to the next server where one is away', async () => {
    const queue = use({ brokers: `127.0.0.1:${await freePort()},127.0.0.1:${server.port}` });
    expect(await queue.health()).toEqual({ ok: true });
  });
});
