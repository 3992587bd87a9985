import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NatsQueue, type NatsQueueConfig } from '../../src/adapters/nats.ts';
import { missing, OwnNats } from '../brokers/nats.ts';
import { freePort } from '../brokers/server-process.ts';
import { refusals } from '../conformance/refusals.ts';

refusals(
  'nats',
  async () => {
    const server = await OwnNats.start();
    return {
      at: (host, port) => new NatsQueue({ url: `nats://a:b@${host}:${port}`, queue: 'q' }),
      withWrongPassword: () => new NatsQueue({ url: server.url({ user: 'postrider', password: 'wrong' }), queue: 'q' }),
      withoutQueue: () => new NatsQueue({ url: server.url(), queue: 'none', create: false }),
      open: () => new NatsQueue({ url: server.url(), queue: 'q' }),
      process: server,
      close: () => server.stop(),
    };
  },
  missing,
);

test('what a NATS queue cannot be made of is refused when it is made, by the name of the field', () => {
  const make = (config: Partial<NatsQueueConfig>) => new NatsQueue({ url: 'nats://localhost', queue: 'q', ...config });
  for (const url of ['', 'localhost:4222', 'http://localhost', 'nats://a,tls://b']) {
    expect(() => make({ url })).toThrow(/^url: /);
  }
  for (const queue of ['', 'a.b', 'a b', '>']) expect(() => make({ queue })).toThrow(/^queue: /);
  expect(() => make({ leaseSeconds: 1 })).toThrow(/^leaseSeconds: /);
});

describe.skipIf(missing !== null)('a NATS queue', () => {
  let server: OwnNats;
  let admin: NatsConnection;
  const opened: NatsQueue[] = [];

  beforeAll(async () => {
    server = await OwnNats.start();
    admin = await server.connect();
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    await admin?.close();
    await server?.stop();
  });

  const use = (config: Partial<NatsQueueConfig> = {}) => {
    const queue = new NatsQueue({ url: server.url(), queue: randomUUID(), ...config });
    opened.push(queue);
    return queue;
  };
  const texts = (messages: { body: Buffer; deliveryCount: number }[]) =>
    messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);

  test('takes over what a receiver that vanished had in hand, once its lease has ended', async () => {
    const name = randomUUID();
    const queue = use({ queue: name, leaseSeconds: 3 });
    await queue.publish([{ body: 'a' }]);
    const ghost = await jetstream(admin).consumers.get(name, 'postrider');
    expect((await ghost.next({ expires: 5_000 }))?.string()).toBe('a');
    const startedAt = performance.now();
    expect(texts(await queue.receive({ max: 1, waitMs: 20_000 }))).toEqual(['a 2']);
    expect(performance.now() - startedAt).toBeGreaterThan(2_000);
  });

  test('keeps what is in hand for longer than its lease', async () => {
    const name = randomUUID();
    const [holder, other] = [use({ queue: name, leaseSeconds: 3 }), use({ queue: name, leaseSeconds: 3 })];
    await holder.publish([{ body: 'held' }]);
    const held = await holder.receive({ max: 1, waitMs: 5_000 });
    expect(texts(held)).toEqual(['held 1']);
    expect(await other.receive({ max: 1, waitMs: 5_000 })).toEqual([]);
    await holder.ack(held);
  });

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

  test('leaves nothing of what was acked in the stream', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    await queue.publish([{ body: 'a' }, { body: 'b' }]);
    for (let acked = 0; acked < 2; ) {
      const messages = await queue.receive({ max: 2, waitMs: 5_000 });
      await queue.ack(messages);
      acked += messages.length;
    }
    const manager = await jetstreamManager(admin);
    expect((await manager.streams.info(name)).state.messages).toBe(0);
  });

  test('gives what others published with their headers, in lower case', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    const theirs = headers();
    theirs.set('X-Kind', 'order');
    await jetstream(admin).publish(name, 'a', { headers: theirs, msgID: 'id' });
    const [message] = await queue.receive({ max: 1, waitMs: 5_000 });
    expect(message).toMatchObject({ headers: { 'x-kind': 'order' }, group: null });
  });

  test('makes its stream anew where it was deleted', async () => {
    const name = randomUUID();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    await (await jetstreamManager(admin)).streams.delete(name);
    await queue.publish([{ body: 'a' }]);
    expect(texts(await queue.receive({ max: 1, waitMs: 10_000 }))).toEqual(['a 1']);
  });

  test('may do no more than it has to, on its own stream', async () => {
    const url = server.url(await server.createUser('orders'));
    const queue = use({ url, queue: 'orders' });
    await queue.publish([{ body: 'a' }]);
    await queue.ack(await queue.receive({ max: 1, waitMs: 5_000 }));
    await expect(use({ url, queue: 'invoices' }).publish([{ body: 'a' }])).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });

  test('goes to the next server of the cluster where one is away', async () => {
    const away = `nats://127.0.0.1:${await freePort()}`;
    const { username, password, host } = new URL(server.url());
    const queue = use({ url: `${away.replace('//', `//${username}:${password}@`)},nats://${host}` });
    expect(await queue.health()).toEqual({ ok: true });
  });
});
