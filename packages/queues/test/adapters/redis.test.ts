import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RedisQueue, type RedisQueueConfig } from '../../src/adapters/redis.ts';
import { missing, OwnRedis } from '../brokers/redis.ts';
import { refusals } from '../conformance/refusals.ts';

refusals(
  'redis',
  async () => {
    const server = await OwnRedis.start();
    return {
      at: (host, port) => new RedisQueue({ url: `redis://a:b@${host}:${port}`, queue: 'q' }),
      withWrongPassword: () => new RedisQueue({ url: server.url({ password: 'wrong' }), queue: 'q' }),
      withoutQueue: () => new RedisQueue({ url: server.url(), queue: 'none', create: false }),
      open: () => new RedisQueue({ url: server.url(), queue: 'q' }),
      process: server,
      close: () => server.stop(),
    };
  },
  missing,
);

test('what a Redis queue cannot be made of is refused when it is made, by the name of the field', () => {
  const make = (config: Partial<RedisQueueConfig>) =>
    new RedisQueue({ url: 'redis://localhost', queue: 'q', ...config });
  for (const url of ['', 'localhost:6379', 'http://localhost', 'redis://localhost/zero']) {
    expect(() => make({ url })).toThrow(/^url: /);
  }
  expect(() => make({ queue: '' })).toThrow(/^queue: /);
  expect(() => make({ leaseSeconds: 1 })).toThrow(/^leaseSeconds: /);
});

describe.skipIf(missing !== null)('a Redis queue', () => {
  let server: OwnRedis;
  const opened: RedisQueue[] = [];

  beforeAll(async () => {
    server = await OwnRedis.start();
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    await server?.stop();
  });

  const use = (config: Partial<RedisQueueConfig> = {}) => {
    const queue = new RedisQueue({ url: server.url(), queue: randomUUID(), ...config });
    opened.push(queue);
    return queue;
  };
  const texts = (messages: { body: Buffer; deliveryCount: number }[]) =>
    messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);

  test('takes over what a receiver that vanished had in hand, once its lease has ended', async () => {
    const name = randomUUID();
    const queue = use({ queue: name, leaseSeconds: 3 });
    await queue.publish([{ body: 'a' }]);
    await server.command('XGROUP', 'CREATE', name, 'postrider', '0');
    await server.command('XREADGROUP', 'GROUP', 'postrider', 'ghost', 'STREAMS', name, '>');
    const startedAt = performance.now();
    expect(texts(await queue.receive({ max: 1, waitMs: 20_000 }))).toEqual(['a 2']);
    expect(performance.now() - startedAt).toBeGreaterThan(2_000);
  });

  test('finds at once what the receiver of the same name had in hand before', async () => {
    const name = randomUUID();
    const first = use({ queue: name, consumer: 'one' });
    await first.publish([
      { body: 'a1', group: 'a' },
      { body: 'a2', group: 'a' },
    ]);
    expect(texts(await first.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a1 1']);
    // As after a crash: nothing was given back.
    const second = use({ queue: name, consumer: 'one' });
    const got = await second.receive({ max: 10, waitMs: 5_000 });
    expect(texts(got)).toEqual(['a1 2']);
    await second.ack(got);
    expect(texts(await second.receive({ max: 10, waitMs: 5_000 }))).toEqual(['a2 1']);
  });

  test('keeps what is in hand for longer than its lease, and what waits out a delay', async () => {
    const name = randomUUID();
    const [holder, other] = [use({ queue: name, leaseSeconds: 3 }), use({ queue: name, leaseSeconds: 3 })];
    await holder.publish([{ body: 'held' }, { body: 'delayed' }]);
    const [held, delayed] = await holder.receive({ max: 2, waitMs: 5_000 });
    if (delayed) await holder.nack([delayed], { delayMs: 60_000 });
    expect(await other.receive({ max: 2, waitMs: 5_000 })).toEqual([]);
    if (held) await holder.ack([held]);
  });

  test('does not count what was held back and never in hand, when its receiver closes', async () => {
    const name = randomUUID();
    const first = use({ queue: name });
    await first.publish(['a1', 'a2', 'a3'].map((body) => ({ body, group: 'a' })));
    expect(texts(await first.receive({ max: 10, waitMs: 5_000 }))).toEqual(['a1 1']);
    await first.close();
    const second = use({ queue: name });
    const got: string[] = [];
    while (got.length < 3) {
      const messages = await second.receive({ max: 10, waitMs: 5_000 });
      got.push(...texts(messages));
      await second.ack(messages);
    }
    expect(got).toEqual(['a1 2', 'a2 1', 'a3 1']);
  });

  test('leaves to another what that one took over', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    await queue.publish([{ body: 'a' }]);
    const got = await queue.receive({ max: 1, waitMs: 5_000 });
    const id = got[0]?.id ?? '';
    await server.command('XCLAIM', name, 'postrider', 'thief', '0', id);
    await queue.ack(got);
    expect(await server.command('XPENDING', name, 'postrider')).toContain('thief');
  });

  test('leaves nothing of what was acked in the stream', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    await queue.publish([{ body: 'a' }, { body: 'b' }]);
    await queue.ack(await queue.receive({ max: 2, waitMs: 5_000 }));
    expect(await server.command('XLEN', name)).toBe('0');
  });

  test('gives what others put into the stream as JSON of its fields', async () => {
    const name = randomUUID();
    await server.command('XADD', name, '*', 'temperature', '21', 'unit', 'C');
    const [message] = await use({ queue: name }).receive({ max: 1, waitMs: 5_000 });
    expect(JSON.parse(String(message?.body))).toEqual({ temperature: '21', unit: 'C' });
  });

  test('makes its stream anew where it was deleted', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    await server.command('DEL', name);
    await queue.publish([{ body: 'a' }]);
    expect(texts(await queue.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a 1']);
  });

  test('needs no key but those that begin with its name', async () => {
    const url = server.url(await server.createUser('~orders', '~{orders}:*'));
    const queue = use({ url, queue: 'orders' });
    await queue.publish([
      { body: 'a', dedupeId: '1' },
      { body: 'b', delayMs: 10 },
    ]);
    const [first] = await queue.receive({ max: 1, waitMs: 5_000 });
    if (first) await queue.nack([first]);
    const got = await queue.receive({ max: 1, waitMs: 5_000 });
    await queue.ack(got);
    await expect(use({ url, queue: 'invoices' }).publish([{ body: 'a' }])).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });
});
