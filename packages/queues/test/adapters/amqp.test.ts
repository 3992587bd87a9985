import { randomUUID } from 'node:crypto';
import type { ChannelModel } from 'amqplib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AmqpQueue, type AmqpQueueConfig } from '../../src/adapters/amqp.ts';
import { roundedUp } from '../../src/adapters/amqp-publisher.ts';
import { missing, OwnRabbit } from '../brokers/amqp.ts';
import { refusals } from '../conformance/refusals.ts';

refusals(
  'amqp',
  async () => {
    const server = await OwnRabbit.start();
    return {
      at: (host, port) => new AmqpQueue({ url: `amqp://a:b@${host}:${port}`, queue: 'q' }),
      withWrongPassword: () => new AmqpQueue({ url: server.url({ password: 'wrong' }), queue: 'q' }),
      withoutQueue: () => new AmqpQueue({ url: server.url(), queue: 'none', create: false }),
      open: () => new AmqpQueue({ url: server.url(), queue: 'q' }),
      process: server,
      close: () => server.stop(),
    };
  },
  missing,
);

test('what a RabbitMQ queue cannot be made of is refused when it is made, by the name of the field', () => {
  const make = (config: Partial<AmqpQueueConfig>) => new AmqpQueue({ url: 'amqp://localhost', queue: 'q', ...config });
  for (const url of ['', 'localhost:5672', 'http://localhost', 'amqp://']) {
    expect(() => make({ url })).toThrow(/^url: /);
  }
  for (const queue of ['', 'q'.repeat(201)]) expect(() => make({ queue })).toThrow(/^queue: /);
  for (const prefetch of [0, 2_001, Number.NaN]) expect(() => make({ prefetch })).toThrow(/^prefetch: /);
});

test('delays are rounded up, by less than a tenth, to few different ones', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 30 * 24 * 3_600_000, noNaN: true }), (delayMs) => {
      const rounded = roundedUp(delayMs);
      expect(Number.isInteger(rounded)).toBe(true);
      expect(rounded).toBeGreaterThanOrEqual(delayMs);
      expect(rounded).toBeLessThan(Math.max(delayMs * 1.1, delayMs + 1));
      expect(String(rounded).replace(/0+$/, '').length).toBeLessThanOrEqual(2);
    }),
  );
});

describe.skipIf(missing !== null)('a RabbitMQ queue', () => {
  let server: OwnRabbit;
  let admin: ChannelModel;
  const opened: AmqpQueue[] = [];

  beforeAll(async () => {
    server = await OwnRabbit.start();
    admin = await server.connect();
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    await admin?.close();
    await server?.stop();
  });

  const use = (config: Partial<AmqpQueueConfig> = {}) => {
    const queue = new AmqpQueue({ url: server.url(), queue: randomUUID(), ...config });
    opened.push(queue);
    return queue;
  };
  const texts = (messages: { body: Buffer; deliveryCount: number }[]) =>
    messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);

  test('keeps the order of a group through a nack with a delay', async () => {
    const queue = use();
    await queue.publish(['1', '2', '3'].map((body) => ({ body, group: 'a' })));
    const seen: string[] = [];
    while (seen.length < 4) {
      const messages = await queue.receive({ max: 10, waitMs: 5_000 });
      seen.push(...texts(messages));
      if (seen.length === 1) await queue.nack(messages, { delayMs: 300 });
      else await queue.ack(messages);
    }
    expect(seen).toEqual(['1 1', '1 2', '2 1', '3 1']);
  });

  test('with a single active receiver the other stands by, and goes on in order', async () => {
    const name = randomUUID();
    const [first, second] = [use({ queue: name, singleActive: true }), use({ queue: name, singleActive: true })];
    await first.publish(['1', '2'].map((body) => ({ body, group: 'a' })));
    expect(texts(await first.receive({ max: 10, waitMs: 5_000 }))).toEqual(['1 1']);
    expect(await second.receive({ max: 10, waitMs: 500 })).toEqual([]);
    await first.close();
    const got = await second.receive({ max: 10, waitMs: 5_000 });
    expect(texts(got)).toEqual(['1 2']);
    await second.ack(got);
    expect((await second.receive({ max: 10, waitMs: 5_000 })).map(({ body }) => String(body))).toEqual(['2']);
  });

  test('delays what it publishes, and counts and carries it as if it had not', async () => {
    const queue = use();
    const publishedAt = performance.now();
    await queue.publish([
      { body: 'late', delayMs: 1_200, group: 'a', headers: { 'x-a': '1' } },
      { body: 'soon', delayMs: 200 },
    ]);
    expect(texts(await queue.receive({ max: 10, waitMs: 5_000 }))).toEqual(['soon 1']);
    const [late] = await queue.receive({ max: 10, waitMs: 5_000 });
    expect(late).toMatchObject({ group: 'a', headers: { 'x-a': '1' }, deliveryCount: 1 });
    expect(Object.keys(late?.headers ?? {})).toEqual(['x-a']);
    expect(performance.now() - publishedAt).toBeGreaterThan(1_100);
  });

  test('gives what others published, whatever their headers, ids or the lack of them', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    const channel = await admin.createConfirmChannel();
    const table = { 'X-Number': 7, 'x-table': { a: 1 } };
    for (const n of [1, 2, 3]) channel.sendToQueue(name, Buffer.from(`none${n}`), { headers: table });
    for (const n of [1, 2]) channel.sendToQueue(name, Buffer.from(`same${n}`), { messageId: 'same' });
    await channel.waitForConfirms();
    await channel.close();
    const got = [];
    while (got.length < 5) got.push(...(await queue.receive({ max: 10, waitMs: 5_000 })));
    expect(texts(got)).toEqual(['none1 1', 'none2 1', 'none3 1', 'same1 1', 'same2 1']);
    expect(got[0]?.headers).toEqual({ 'x-number': '7', 'x-table': '{"a":1}' });
    await queue.ack(got);
    expect(await server.control('list_queues', 'name', 'messages')).toMatch(new RegExp(`${name}\\s+0`));
  });

  test('makes its queue anew where it was deleted', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    const waiting = expect(queue.receive({ max: 1, waitMs: 20_000 })).rejects.toMatchObject({ code: 'unreachable' });
    await server.control('delete_queue', name);
    await waiting;
    await queue.publish([{ body: 'a' }]);
    expect(texts(await queue.receive({ max: 1, waitMs: 10_000 }))).toEqual(['a 1']);
    await server.control('delete_queue', name);
    await queue.publish([{ body: 'b' }]);
  });

  test('may do no more than it has to, on its own queues', async () => {
    const url = server.url(await server.createUser('orders'));
    const queue = use({ url, queue: 'orders' });
    await queue.publish([{ body: 'a' }, { body: 'b', delayMs: 100 }]);
    await queue.ack(await queue.receive({ max: 1, waitMs: 5_000 }));
    await expect(use({ url, queue: 'invoices' }).publish([{ body: 'a' }])).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });

  test('says why a broker closed the channel it published on', async () => {
    const reader = await server.createUser('orders');
    await use({ queue: 'orders' }).publish([{ body: 'a' }]);
    await server.control('set_permissions', reader.user ?? '', '.*', '^$', '.*');
    const queue = use({ url: server.url(reader), queue: 'orders' });
    await expect(queue.publish([{ body: 'a' }])).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('refuses headers that no frame holds', async () => {
    const headers = { 'x-large': 'x'.repeat(70_000) };
    await expect(use().publish([{ body: 'a', headers }])).rejects.toMatchObject({ code: 'too_large' });
  });

  test('says that it has no delays where it may make no queues', async () => {
    const queue = use({ create: false });
    expect(queue.traits.delays).toBe(false);
    await expect(queue.publish([{ body: 'a', delayMs: 1 }])).rejects.toMatchObject({ code: 'unsupported' });
  });
});
