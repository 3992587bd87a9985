import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PubSubQueue, type PubSubQueueConfig } from '../../src/adapters/pubsub.ts';
import { keyFile, missing, OwnPubSub, PERMISSIONS, PROJECT } from '../brokers/pubsub.ts';
import { refusals } from '../conformance/refusals.ts';

refusals(
  'pubsub',
  async () => {
    const server = await OwnPubSub.start();
    const { email = '' } = await server.createUser();
    return {
      at: (host, port) =>
        new PubSubQueue({ project: PROJECT, queue: 'q-refused', endpoint: `${host}:${port}`, plaintext: true }),
      withWrongPassword: () => new PubSubQueue({ ...server.config('q-refused'), credentials: keyFile(email).key }),
      withoutQueue: () => new PubSubQueue({ ...server.config('q-none'), create: false }),
      open: () => new PubSubQueue(server.config('q-frozen')),
      process: server,
      close: () => server.stop(),
    };
  },
  missing,
);

test('what a Pub/Sub queue cannot be made of is refused when it is made, by the name of the field', () => {
  const { key } = keyFile('a@b.iam.gserviceaccount.com');
  const make = (config: Partial<PubSubQueueConfig>) =>
    new PubSubQueue({ project: 'shop', queue: 'orders', credentials: key, ...config });
  make({});
  for (const project of ['', 'a/b']) expect(() => make({ project })).toThrow(/^project: /);
  for (const queue of ['', 'a b', '1st', 'google']) expect(() => make({ queue })).toThrow(/^queue: /);
  expect(() => make({ subscription: 'a/b' })).toThrow(/^subscription: /);
  expect(() => make({ leaseSeconds: 1 })).toThrow(/^leaseSeconds: /);
  for (const endpoint of ['host', 'https://host:1', 'a:b@host:1', '10.0.0.1:443']) {
    expect(() => make({ endpoint })).toThrow(/^endpoint: /);
  }
  const external = JSON.stringify({ ...JSON.parse(key), type: 'external_account' });
  const broken = JSON.stringify({ ...JSON.parse(key), private_key: 'none' });
  for (const credentials of ['', 'none', external, broken]) {
    expect(() => make({ credentials })).toThrow(/^credentials: /);
  }
  expect(() => make({ plaintext: true })).toThrow(/^credentials: /);
});

describe.skipIf(missing !== null)('a Pub/Sub queue', () => {
  let server: OwnPubSub;
  let admin: Awaited<ReturnType<OwnPubSub['admin']>>;
  const opened: PubSubQueue[] = [];

  beforeAll(async () => {
    server = await OwnPubSub.start();
    admin = await server.admin();
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    await admin?.close();
    await server?.stop();
  });

  const use = (config: Partial<PubSubQueueConfig> = {}) => {
    const queue = new PubSubQueue({ ...server.config(named()), ...config });
    opened.push(queue);
    return queue;
  };
  const named = () => `q-${randomUUID()}`;
  const topic = (name: string) => `projects/${PROJECT}/topics/${name}`;
  const subscription = (name: string) => `projects/${PROJECT}/subscriptions/${name}`;
  const texts = (messages: { body: Buffer; deliveryCount: number }[]) =>
    messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);

  test('takes over what a receiver that vanished had in hand, once its lease has ended', async () => {
    const name = named();
    const queue = use({ queue: name, leaseSeconds: 10 });
    await queue.publish([{ body: 'a' }]);
    const [pulled] = await admin.subscriber.pull({ subscription: subscription(name), maxMessages: 1 });
    expect(pulled.receivedMessages).toHaveLength(1);
    expect(texts(await queue.receive({ max: 1, waitMs: 20_000 }))).toEqual(['a 1']);
  });

  test('keeps what is in hand for longer than its lease', async () => {
    const name = named();
    const [holder, other] = [use({ queue: name, leaseSeconds: 10 }), use({ queue: name, leaseSeconds: 10 })];
    await holder.publish([{ body: 'held' }]);
    const held = await holder.receive({ max: 1, waitMs: 5_000 });
    expect(texts(held)).toEqual(['held 1']);
    expect(await other.receive({ max: 1, waitMs: 13_000 })).toEqual([]);
    await holder.ack(held);
  });

  test('keeps the order of a group through a nack with a delay, with two receivers', async () => {
    const name = named();
    const receivers = [use({ queue: name }), use({ queue: name })];
    await receivers[0]?.publish(['1', '2', '3', '4'].map((body) => ({ body, group: 'a' })));
    const seen: string[] = [];
    for (let turn = 0; seen.length < 5; turn++) {
      const queue = receivers[turn % 2];
      const messages = (await queue?.receive({ max: 10, waitMs: 300 })) ?? [];
      seen.push(...messages.map(({ body }) => String(body)));
      if (seen.length === 1 && messages.length > 0) await queue?.nack(messages, { delayMs: 300 });
      else await queue?.ack(messages);
    }
    expect(seen).toEqual(['1', '1', '2', '3', '4']);
  });

  test('counts as the service does where the subscription has a dead-letter policy, whoever receives', async () => {
    const name = named();
    await admin.publisher.createTopic({ name: topic(name) });
    await admin.publisher.createTopic({ name: topic(`${name}-dead`) });
    const deadLetterPolicy = { deadLetterTopic: topic(`${name}-dead`), maxDeliveryAttempts: 100 };
    await admin.subscriber.createSubscription({ name: subscription(name), topic: topic(name), deadLetterPolicy });
    await use({ queue: name }).publish([{ body: 'a' }]);
    for (const deliveryCount of [1, 2, 3]) {
      const queue = use({ queue: name, create: false });
      const messages = await queue.receive({ max: 1, waitMs: 5_000 });
      expect(texts(messages)).toEqual([`a ${deliveryCount}`]);
      await queue.nack(messages);
      await queue.close();
    }
  });

  test('gives what others published with their attributes, in lower case', async () => {
    const name = named();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    const message = { data: Buffer.from('a'), attributes: { 'X-Kind': 'order' }, orderingKey: 'customer-7' };
    await admin.publisher.publish({ topic: topic(name), messages: [message] });
    const [got] = await queue.receive({ max: 1, waitMs: 5_000 });
    expect(got).toMatchObject({ headers: { 'x-kind': 'order' }, group: 'customer-7' });
  });

  test('makes a subscription that is ordered and does not expire', async () => {
    const name = named();
    await use({ queue: name, subscription: `${name}-mine`, leaseSeconds: 30 }).publish([{ body: 'a' }]);
    const [made] = await admin.subscriber.getSubscription({ subscription: subscription(`${name}-mine`) });
    expect(made).toMatchObject({
      enableMessageOrdering: true,
      ackDeadlineSeconds: 30,
      expirationPolicy: { ttl: null },
    });
  });

  test('makes its topic and subscription anew where they were deleted', async () => {
    const name = named();
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    await admin.subscriber.deleteSubscription({ subscription: subscription(name) });
    await admin.publisher.deleteTopic({ topic: topic(name) });
    await queue.publish([{ body: 'a' }]);
    expect(texts(await queue.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a 1']);
  });

  test('does not take a subscription of another topic for its own', async () => {
    const name = named();
    await use({ queue: name }).publish([{ body: 'a' }]);
    const other = use({ queue: named(), subscription: name });
    await expect(other.publish([{ body: 'a' }])).rejects.toMatchObject({ code: 'misconfigured' });
  });

  test('sends many and large messages in as many requests as it needs, in their order', async () => {
    const queue = use();
    const large = Buffer.alloc(queue.traits.maxBytes - 1, 'x');
    await queue.publish([
      { body: large, group: 'a' },
      ...Array.from({ length: 1_500 }, () => ({ body: 'y', group: 'a' })),
    ]);
    const [first] = await queue.receive({ max: 1, waitMs: 10_000 });
    expect(first?.body.equals(large)).toBe(true);
  });

  test('may do no more than it has to', async () => {
    const name = named();
    await use({ queue: name }).publish([{ body: 'a' }]);
    const account = await server.createUser(PERMISSIONS.least);
    const queue = use({ ...server.config(name, account), create: false });
    await queue.publish([{ body: 'b' }]);
    await queue.ack(await queue.receive({ max: 1, waitMs: 5_000 }));
    expect(await queue.health()).toEqual({ ok: true });
    const maker = use(server.config(named(), account));
    await expect(maker.publish([{ body: 'a' }])).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('uses an emulator, without TLS and credentials', async () => {
    const queue = use();
    const plain = new PubSubQueue({ ...server.plain(), queue: named() });
    opened.push(plain);
    await plain.publish([{ body: 'a' }]);
    expect(texts(await plain.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a 1']);
    expect(await queue.health()).toEqual({ ok: true });
  });

  test('believes the certificate of the authority it was given, and no other', async () => {
    const { ca: _, ...config } = server.config(named());
    const queue = new PubSubQueue(config);
    opened.push(queue);
    expect(await queue.health()).toMatchObject({ ok: false, code: 'unreachable' });
  });
});
