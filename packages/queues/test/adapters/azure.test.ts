import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AzureQueue, type AzureQueueConfig } from '../../src/adapters/azure.ts';
import type { IncomingMessage } from '../../src/index.ts';
import { connectionString, OwnServiceBus } from '../brokers/servicebus.ts';
import { refusals } from '../conformance/refusals.ts';

/** A way to the server that can be cut. */
async function breakable(to: number) {
  const sockets = new Set<Socket>();
  const path = createServer((socket) => {
    const onward = connect(to, '127.0.0.1');
    for (const each of [socket, onward]) sockets.add(each.on('error', () => {}));
    socket.pipe(onward).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(path, 'listening');
  const address = path.address();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    break: cut,
    close() {
      cut();
      path.close();
    },
  };
}

refusals(
  'azure',
  async () => {
    const server = await OwnServiceBus.start();
    for (const name of ['refused', 'frozen']) await server.createQueue(name);
    return {
      at: (host, port) => new AzureQueue({ connectionString: connectionString(host, port), queue: 'refused' }),
      withWrongPassword: () => new AzureQueue(server.config('refused', { key: 'wrong' })),
      withoutQueue: () => new AzureQueue(server.config('nowhere')),
      open: () => new AzureQueue(server.config('frozen')),
      process: server,
      close: () => server.stop(),
    };
  },
  null,
);

test('what a Service Bus queue cannot be made of is refused when it is made, by the name of the field', () => {
  const make = (config: Partial<AzureQueueConfig>) =>
    new AzureQueue({ connectionString: connectionString('host', 1), queue: 'orders', ...config });
  make({});
  const parts = { namespace: 'shop.servicebus.windows.net', keyName: 'root', key: 'a+b/c=', queue: 'orders' };
  const build = (config: Partial<AzureQueueConfig>) => new AzureQueue({ ...parts, ...config });
  build({});
  for (const namespace of ['', 'sb://shop', 'shop;x']) expect(() => build({ namespace })).toThrow(/^namespace: /);
  for (const keyName of ['', 'a;b']) expect(() => build({ keyName })).toThrow(/^keyName: /);
  for (const key of ['', 'a;b']) expect(() => build({ key })).toThrow(/^key: /);
  for (const wrong of ['', 'Endpoint=sb://host/', 'Endpoint=http://host/;SharedAccessKeyName=a;SharedAccessKey=b']) {
    expect(() => make({ connectionString: wrong })).toThrow(/^connectionString: /);
  }
  expect(() => make({ queue: '' })).toThrow(/^queue: /);
  expect(() => make({ connectionString: `${connectionString('host', 1)};EntityPath=other` })).toThrow(/^queue: /);
  expect(() => make({ subscription: 'a/b' })).toThrow(/^subscription: /);
  expect(() => make({ leaseSeconds: 1 })).toThrow(/^leaseSeconds: /);
  expect(() => make({ maxSessions: 0 })).toThrow(/^maxSessions: /);
});

describe('a Service Bus queue', () => {
  let server: OwnServiceBus;
  let official: ServiceBusClient;
  const opened: AzureQueue[] = [];

  beforeAll(async () => {
    server = await OwnServiceBus.start();
    official = new ServiceBusClient(server.config('any').connectionString ?? '');
  });
  afterEach(async () => {
    for (const queue of opened.splice(0)) await queue.close();
  });
  afterAll(async () => {
    await official?.close();
    await server?.stop();
  });

  const use = (queue: string, config: Partial<AzureQueueConfig> = {}) => {
    const port = new AzureQueue({ ...server.config(queue), ...config });
    opened.push(port);
    return port;
  };
  const made = async (settings: Parameters<OwnServiceBus['createQueue']>[1] = {}) => {
    const name = randomUUID();
    await server.createQueue(name, settings);
    return name;
  };
  const texts = (messages: IncomingMessage[]) => messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);

  for (const sessions of [false, true]) {
    const kind = sessions ? 'with sessions' : 'without sessions';

    test(`takes over what a receiver that vanished had in hand, once its lock has ended, ${kind}`, async () => {
      const name = await made({ lockMs: 5_000, requiresSession: sessions });
      const queue = use(name, { sessions });
      await queue.publish([{ body: 'a', group: 'g' }]);
      const options = { maxAutoLockRenewalDurationInMs: 0 };
      const receiver = await (sessions
        ? official.acceptNextSession(name, options)
        : official.createReceiver(name, options));
      expect(await receiver.receiveMessages(1)).toHaveLength(1);
      expect(texts(await queue.receive({ max: 1, waitMs: 2_000 }))).toEqual([]);
      expect(texts(await queue.receive({ max: 1, waitMs: 20_000 }))).toEqual(['a 2']);
    });

    test(`keeps what is in hand for longer than its lock, ${kind}`, async () => {
      const name = await made({ lockMs: 5_000, requiresSession: sessions });
      const [holder, other] = [use(name, { sessions, leaseSeconds: 5 }), use(name, { sessions, leaseSeconds: 5 })];
      await holder.publish([{ body: 'held', group: 'g' }]);
      const held = await holder.receive({ max: 1, waitMs: 5_000 });
      expect(texts(held)).toEqual(['held 1']);
      expect(await other.receive({ max: 1, waitMs: 8_000 })).toEqual([]);
      await holder.ack(held);
    });

    test(`gives back what is in hand for too long, ${kind}`, async () => {
      const name = await made({ lockMs: 5_000, requiresSession: sessions });
      const queue = use(name, { sessions, leaseSeconds: 5, maxInHandSeconds: 1 });
      await queue.publish([{ body: 'slow', group: 'g' }]);
      const held = await queue.receive({ max: 1, waitMs: 5_000 });
      expect(texts(await queue.receive({ max: 1, waitMs: 15_000 }))).toEqual(['slow 2']);
      // Too late: it is in hand anew.
      await queue.ack(held);
    });

    test(`gives again what was in hand when its lock ended, ${kind}`, async () => {
      const queue = use(await made({ lockMs: 5_000, requiresSession: sessions }), { sessions, leaseSeconds: 60 });
      await queue.publish(['first', 'second'].map((body) => ({ body, group: 'g' })));
      const held = await queue.receive({ max: 1, waitMs: 5_000 });
      const again = await queue.receive({ max: 1, waitMs: 20_000 });
      expect(texts([...held, ...again])).toEqual(['first 1', 'first 2']);
      await queue.ack(held);
      expect(texts(await queue.receive({ max: 1, waitMs: 0 }))).toEqual([]);
      await queue.ack(again);
    });

    test(`is told that the queue is not made so, ${kind}`, async () => {
      const queue = use(await made({ requiresSession: !sessions }), { sessions });
      await expect(queue.receive({ max: 1, waitMs: 2_000 })).rejects.toMatchObject({ code: 'misconfigured' });
    });
  }

  test('keeps the order of a group through a nack with a delay, with two receivers, by sessions', async () => {
    const name = await made({ requiresSession: true });
    const receivers = [use(name, { sessions: true }), use(name, { sessions: true })];
    await receivers[0]?.publish(['1', '2', '3', '4'].map((body) => ({ body, group: 'a' })));
    const seen: string[] = [];
    for (let turn = 0; seen.length < 5; turn++) {
      const queue = receivers[turn % 2];
      const messages = (await queue?.receive({ max: 10, waitMs: 300 })) ?? [];
      seen.push(...texts(messages));
      if (seen.length === 1 && messages.length > 0) await queue?.nack(messages, { delayMs: 300 });
      else await queue?.ack(messages);
    }
    expect(seen).toEqual(['1 1', '1 2', '2 1', '3 1', '4 1']);
  });

  test('goes through more groups than it holds sessions, and through messages without a group', async () => {
    const queue = use(await made({ requiresSession: true }), { sessions: true, maxSessions: 2 });
    const groups = [...'abcdefgh', null];
    await queue.publish(groups.flatMap((group) => ['1', '2'].map((body) => ({ group, body }))));
    const seen: string[] = [];
    while (seen.length < 18) {
      const messages = await queue.receive({ max: 4, waitMs: 10_000 });
      expect(messages.length).toBeGreaterThan(0);
      seen.push(...messages.map(({ group, body }) => `${group} ${body}`));
      await queue.ack(messages);
    }
    expect(seen.toSorted()).toEqual(groups.flatMap((group) => [`${group} 1`, `${group} 2`]).toSorted());
  });

  test('gives again what was nacked beside an ack, which the transport would tell as one', async () => {
    const queue = use(await made());
    for (const [acked, nacked] of [
      [0, 1],
      [1, 0],
    ] as const) {
      await queue.publish(['0', '1'].map((body) => ({ body })));
      const messages: IncomingMessage[] = [];
      while (messages.length < 2) messages.push(...(await queue.receive({ max: 2, waitMs: 5_000 })));
      const at = (body: number) => messages.filter((message) => String(message.body) === `${body}`);
      await Promise.all([queue.ack(at(acked)), queue.nack(at(nacked))]);
      const again = await queue.receive({ max: 2, waitMs: 5_000 });
      expect(texts(again)).toEqual([`${nacked} 2`]);
      await queue.ack(again);
    }
  });

  test('takes a session from a group that is always busy, for one that waits', async () => {
    const queue = use(await made({ requiresSession: true }), { sessions: true, maxSessions: 1 });
    await queue.publish([{ body: 'busy', group: 'a' }]);
    for (let seen = ''; seen !== 'waits'; ) {
      const [message] = await queue.receive({ max: 1, waitMs: 5_000 });
      if (seen === '') await queue.publish([{ body: 'waits', group: 'b' }]);
      if (message) await queue.publish([{ body: 'busy', group: 'a' }]);
      if (message) await queue.ack([message]);
      seen = String(message?.body);
    }
  });

  test('goes on with a group whose message the service has put away', async () => {
    const queue = use(await made({ requiresSession: true, maxDeliveries: 2 }), { sessions: true });
    await queue.publish(['poison', 'good'].map((body) => ({ body, group: 'a' })));
    for (const seen of ['poison 1', 'poison 2']) {
      const messages = await queue.receive({ max: 1, waitMs: 5_000 });
      expect(texts(messages)).toEqual([seen]);
      await queue.nack(messages);
    }
    expect(texts(await queue.receive({ max: 1, waitMs: 5_000 }))).toEqual(['good 1']);
  });

  test('counts what was only held back as delivered without sessions, and not with them', async () => {
    for (const [sessions, second] of [
      [false, 'second 2'],
      [true, 'second 1'],
    ] as const) {
      const name = await made({ requiresSession: sessions });
      const first = use(name, { sessions });
      await first.publish(['first', 'second'].map((body) => ({ body, group: 'a' })));
      expect(texts(await first.receive({ max: 10, waitMs: 5_000 }))).toEqual(['first 1']);
      await first.close();
      const next = use(name, { sessions });
      const messages = await next.receive({ max: 1, waitMs: 5_000 });
      expect(texts(messages)).toEqual(['first 2']);
      await next.ack(messages);
      expect(texts(await next.receive({ max: 1, waitMs: 5_000 }))).toEqual([second]);
    }
  });

  test('publishes with a key that may only send, and receives with one that may only listen', async () => {
    const name = await made();
    const [sender, listener] = [await server.createUser(['Send']), await server.createUser(['Listen'])];
    const [publisher, receiver] = [use(name, server.config(name, sender)), use(name, server.config(name, listener))];
    await publisher.publish([{ body: 'a' }]);
    await receiver.ack(await receiver.receive({ max: 1, waitMs: 5_000 }));
    for (const queue of [publisher, receiver]) expect(await queue.health()).toEqual({ ok: true });
    expect(await publisher.health('publishing')).toEqual({ ok: true });
    expect(await receiver.health('publishing')).toMatchObject({ ok: false, code: 'unauthorized' });
    await expect(publisher.receive({ max: 1, waitMs: 1_000 })).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(receiver.publish([{ body: 'a' }])).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('gives what is published to a topic to each subscription', async () => {
    await server.createTopic('news', ['mail', 'audit']);
    const [mail, audit] = [use('news', { subscription: 'mail' }), use('news', { subscription: 'audit' })];
    await use('news').publish([{ body: 'a', group: 'g' }]);
    for (const queue of [mail, audit]) {
      const messages = await queue.receive({ max: 1, waitMs: 5_000 });
      expect(texts(messages)).toEqual(['a 1']);
      await queue.ack(messages);
      expect(await queue.health()).toEqual({ ok: true });
    }
    const none = use('news', { subscription: 'none' });
    await expect(none.receive({ max: 1, waitMs: 1_000 })).rejects.toMatchObject({ code: 'no_such_queue' });
  });

  test('leaves it to the service to bury what was delivered as often as the queue allows', async () => {
    const name = await made({ maxDeliveries: 2 });
    const queue = use(name);
    await queue.publish([{ body: 'poison' }]);
    for (const seen of ['poison 1', 'poison 2']) {
      const messages = await queue.receive({ max: 1, waitMs: 5_000 });
      expect(texts(messages)).toEqual([seen]);
      await queue.nack(messages);
    }
    const [buried] = await official.createReceiver(name, { subQueueType: 'deadLetter' }).receiveMessages(1);
    expect(buried).toMatchObject({ deadLetterReason: 'MaxDeliveryCountExceeded' });
  });

  for (const [sessions, again] of [
    [false, []],
    [true, ['held 1']],
  ] as const) {
    const what = sessions ? 'gives anew' : 'acks by its lock';
    test(`${what} what was in hand when its connection broke, ${sessions ? 'with' : 'without'} sessions`, async () => {
      const name = await made({ requiresSession: sessions });
      const path = await breakable(server.port);
      const text = (server.config(name).connectionString ?? '').replace(`:${server.port}`, `:${path.port}`);
      const queue = use(name, { sessions, connectionString: text });
      await queue.publish([{ body: 'held', group: 'g' }]);
      const held = await queue.receive({ max: 1, waitMs: 5_000 });
      path.break();
      await expect.poll(() => queue.health(), { timeout: 20_000 }).toEqual({ ok: true });
      await queue.ack(held);
      const next = await use(name, { sessions }).receive({ max: 1, waitMs: 3_000 });
      expect(texts(next)).toEqual(again);
      await queue.close();
      path.close();
    });
  }

  test('is read by others, and reads what others sent', async () => {
    const name = await made();
    const queue = use(name);
    await queue.publish([{ body: 'ours', group: 'g', headers: { 'x-kind': 'order' }, dedupeId: 'd1' }]);
    const [ours] = await official.createReceiver(name, { receiveMode: 'receiveAndDelete' }).receiveMessages(1);
    const expected = { sessionId: 'g', messageId: 'd1', applicationProperties: { 'x-kind': 'order' } };
    expect(ours).toMatchObject(expected);
    const applicationProperties = { 'X-Kind': 'order', size: 3 };
    const sender = official.createSender(name);
    await sender.sendMessages({ body: { a: 1 }, applicationProperties, sessionId: 'g' });
    const [theirs] = await queue.receive({ max: 1, waitMs: 5_000 });
    expect(theirs).toMatchObject({ group: 'g', headers: { 'x-kind': 'order', size: '3' } });
    expect(theirs?.body.toString()).toBe('{"a":1}');
  });

  test('sends many and large messages in as many batches as it needs, in their order', async () => {
    const queue = use(await made());
    const large = Buffer.alloc(queue.traits.maxBytes - 1, 'x');
    await queue.publish([
      { body: large, group: 'a' },
      ...Array.from({ length: 1_200 }, () => ({ body: 'y', group: 'a' })),
    ]);
    const [first] = await queue.receive({ max: 1, waitMs: 10_000 });
    expect(first?.body.equals(large)).toBe(true);
  });

  test('hears from the service what is too large for it, and refuses ids that it has no room for', async () => {
    const queue = use(await made(), { maxBytes: 2_000_000 });
    const body = Buffer.alloc(300_000);
    await expect(queue.publish([{ body }])).rejects.toMatchObject({ code: 'too_large' });
    const group = 'g'.repeat(129);
    await expect(queue.publish([{ body: 'a', group }])).rejects.toMatchObject({ code: 'rejected' });
  });
});
