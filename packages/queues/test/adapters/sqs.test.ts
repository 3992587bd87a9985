import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { SQS } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqsQueue, type SqsQueueConfig } from '../../src/adapters/sqs.ts';
import { fromSqs, toSqs } from '../../src/adapters/sqs-message.ts';
import type { IncomingMessage, OutgoingMessage } from '../../src/port.ts';
import { missing, OwnElasticMq } from '../brokers/sqs.ts';
import { refusals } from '../conformance/refusals.ts';

const KEY = { accessKeyId: 'anyone', secretAccessKey: 'anything' };
const MIB = 1024 * 1024;

refusals(
  'sqs',
  async () => {
    const server = await OwnElasticMq.start();
    return {
      at: (host, port) => new SqsQueue({ ...server.config(port, host), queue: 'q.fifo' }),
      withWrongPassword: null,
      withoutQueue: () => new SqsQueue({ ...server.config(), queue: 'none', create: false }),
      open: () => new SqsQueue({ ...server.config(), queue: 'q.fifo' }),
      process: server,
      close: () => server.stop(),
    };
  },
  missing,
);

test('what an SQS queue cannot be made of is refused when it is made, by the name of the field', () => {
  const make = (config: Partial<SqsQueueConfig>) =>
    new SqsQueue({ region: 'eu-central-1', credentials: KEY, queue: 'orders', ...config });
  make({});
  make({ queue: 'https://sqs.eu-central-1.amazonaws.com/123456789012/orders.fifo' });
  for (const region of ['', 'EU 1', 'a.evil.example']) expect(() => make({ region })).toThrow(/^region: /);
  for (const queue of ['', 'a b', 'q'.repeat(81), 'a.b', 'https://sqs.eu-central-1.amazonaws.com/']) {
    expect(() => make({ queue })).toThrow(/^queue: /);
  }
  expect(() => make({ credentials: { accessKeyId: 'a', secretAccessKey: '' } })).toThrow(/^credentials: /);
  for (const endpoint of ['sqs.example.com', 'ftp://a', 'https://a:b@c']) {
    expect(() => make({ endpoint })).toThrow(/^endpoint: /);
  }
  expect(() => make({ leaseSeconds: 1 })).toThrow(/^leaseSeconds: /);
  expect(() => make({ maxInHandSeconds: 12 * 3_600 })).toThrow(/^maxInHandSeconds: /);
});

test('every message comes out as it went in, in no more attributes than SQS takes', () => {
  const name = fc.stringMatching(/^[a-z0-9_-]{1,20}$/).filter((each) => !each.startsWith('postrider-'));
  const group = fc.oneof(fc.constant(null), fc.string({ unit: 'grapheme', maxLength: 200 }));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string({ unit: 'grapheme' }).map((each) => Buffer.from(each)),
      ),
      group,
      fc.dictionary(name, fc.string({ unit: 'grapheme' }), { maxKeys: 15 }),
      fc.boolean(),
      (body, theGroup, headers, isFifo) => {
        const { entry } = toSqs({ body, group: theGroup, headers }, isFifo, MIB);
        expect(Object.keys(entry.MessageAttributes ?? {}).length).toBeLessThanOrEqual(10);
        for (const { StringValue } of Object.values(entry.MessageAttributes ?? {})) expect(StringValue).not.toBe('');
        const got = fromSqs(
          {
            Body: entry.MessageBody,
            MessageAttributes: entry.MessageAttributes,
            Attributes: { ...(entry.MessageGroupId !== undefined && { MessageGroupId: entry.MessageGroupId }) },
          },
          0,
          () => 0,
        );
        expect(got).toMatchObject({ group: theGroup, deliveryCount: 1 });
        expect(got.body.equals(body)).toBe(true);
        expect(got.headers).toEqual({ ...headers });
      },
    ),
  );
});

/** Answers like SQS, as it is told. */
async function fakeSqs(answer: (action: string, asked: Record<string, unknown>) => { status?: number; body: object }) {
  const server = createServer(async (request, response) => {
    const action = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
    const { status = 200, body } = answer(action, JSON.parse(await text(request)));
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const queue = new SqsQueue({
    region: 'eu-central-1',
    credentials: KEY,
    queue: `http://127.0.0.1:${port}/123456789012/orders`,
  });
  return {
    queue,
    async [Symbol.asyncDispose]() {
      await queue.close();
      server.close();
    },
  };
}

const refused = (name: string, message = 'no') => ({
  status: 400,
  body: { __type: `com.amazonaws.sqs#${name}`, message },
});

test('says who may not, by what SQS answers with', async () => {
  for (const name of ['InvalidClientTokenId', 'SignatureDoesNotMatch', 'AccessDeniedException', 'ExpiredToken']) {
    await using fake = await fakeSqs(() => refused(name));
    await expect(fake.queue.publish([{ body: 'a' }])).rejects.toMatchObject({ code: 'unauthorized' });
    expect(await fake.queue.health()).toMatchObject({ ok: false });
  }
});

test('needs no grant but those of what it does', async () => {
  await using fake = await fakeSqs((action) =>
    action === 'SendMessageBatch' ? { body: { Successful: [] } } : refused('AccessDeniedException'),
  );
  await fake.queue.publish([{ body: 'a' }]);
});

test('tells what SQS refuses from what it cannot do now', async () => {
  for (const [name, message, code] of [
    ['RequestThrottled', 'slower', 'unreachable'],
    ['OverLimit', 'too many in flight', 'unreachable'],
    ['BatchRequestTooLong', 'no', 'too_large'],
    [
      'InvalidParameterValue',
      'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
      'too_large',
    ],
    ['InvalidMessageContents', 'no', 'rejected'],
  ] as const) {
    await using fake = await fakeSqs((action) =>
      action === 'SendMessageBatch' ? refused(name, message) : { body: { Attributes: {} } },
    );
    await expect(fake.queue.publish([{ body: 'a' }])).rejects.toMatchObject({ code });
  }
});

/** The bodies of each request, of which the first fails in part. */
async function sentTo(failed: { SenderFault: boolean; Code: string }) {
  const sent: string[][] = [];
  await using fake = await fakeSqs((action, asked) => {
    if (action !== 'SendMessageBatch') return { body: { Attributes: {} } };
    const entries = asked.Entries as { Id: string; MessageBody: string }[];
    sent.push(entries.map(({ MessageBody }) => MessageBody));
    const [, second] = entries;
    return { body: { Successful: [], ...(sent.length === 1 && { Failed: [{ Id: second?.Id, ...failed }] }) } };
  });
  const error = await fake.queue.publish(['a', 'b', 'c'].map((body) => ({ body }))).catch((each: unknown) => each);
  return { sent, error };
}

test('sends again what SQS could not take, and nothing else of that request', async () => {
  const { sent, error } = await sentTo({ SenderFault: false, Code: 'InternalError' });
  expect(sent).toEqual([['a', 'b', 'c'], ['b']]);
  expect(error).toBeUndefined();
});

test('rejects where SQS refuses a part', async () => {
  const { sent, error } = await sentTo({ SenderFault: true, Code: 'InvalidMessageContents' });
  expect(sent).toHaveLength(1);
  expect(error).toMatchObject({ name: 'QueueError', code: 'rejected' });
});

describe.skipIf(missing !== null)('an SQS queue', () => {
  let server: OwnElasticMq;
  let admin: SQS;
  const opened: SqsQueue[] = [];

  beforeAll(async () => {
    server = await OwnElasticMq.start();
    admin = new SQS({ ...server.config(), useQueueUrlAsEndpoint: false });
  });
  afterAll(async () => {
    for (const queue of opened) await queue.close();
    admin?.destroy();
    await server?.stop();
  });

  const use = (config: Partial<SqsQueueConfig> = {}) => {
    const queue = new SqsQueue({ ...server.config(), queue: `${randomUUID()}.fifo`, ...config });
    opened.push(queue);
    return queue;
  };
  const urlOf = async (name: string) => (await admin.getQueueUrl({ QueueName: name })).QueueUrl ?? '';
  const texts = (messages: readonly IncomingMessage[]) =>
    messages.map(({ body, deliveryCount }) => `${body} ${deliveryCount}`);
  const of = (group: string, ...bodies: string[]): OutgoingMessage[] => bodies.map((body) => ({ body, group }));

  test('takes over what a receiver that vanished had in hand, once its lease has ended', async () => {
    const name = `${randomUUID()}.fifo`;
    const queue = use({ queue: name, leaseSeconds: 3 });
    await queue.publish([{ body: 'a' }]);
    const startedAt = performance.now();
    await admin.receiveMessage({ QueueUrl: await urlOf(name), VisibilityTimeout: 3 });
    expect(texts(await queue.receive({ max: 1, waitMs: 20_000 }))).toEqual(['a 2']);
    expect(performance.now() - startedAt).toBeGreaterThan(2_000);
  });

  test('keeps what is in hand for longer than its lease', async () => {
    const name = `${randomUUID()}.fifo`;
    const [holder, other] = [use({ queue: name, leaseSeconds: 3 }), use({ queue: name, leaseSeconds: 3 })];
    await holder.publish([{ body: 'held' }]);
    const held = await holder.receive({ max: 1, waitMs: 5_000 });
    expect(texts(held)).toEqual(['held 1']);
    expect(await other.receive({ max: 1, waitMs: 5_000 })).toEqual([]);
    await holder.ack(held);
    expect(await other.receive({ max: 1, waitMs: 4_000 })).toEqual([]);
  });

  test('does not ack what it could not keep', async () => {
    const name = `${randomUUID()}.fifo`;
    const [first, second] = [use({ queue: name }), use({ queue: name })];
    await first.publish([{ body: 'a' }]);
    const got = await first.receive({ max: 1, waitMs: 5_000 });
    // As SQS does after twelve hours.
    const QueueUrl = await urlOf(name);
    const [held] = got as { receipt?: string }[];
    await admin.changeMessageVisibility({ QueueUrl, ReceiptHandle: held?.receipt ?? '', VisibilityTimeout: 0 });
    const again = await second.receive({ max: 1, waitMs: 5_000 });
    expect(texts(again)).toEqual(['a 2']);
    await first.ack(got);
    await second.nack(again);
    expect(texts(await second.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a 3']);
  });

  test('counts one that is nacked while others of its group wait behind it, and none of these', async () => {
    const queue = use();
    await queue.publish(of('a', '1', '2', '3'));
    const seen: string[] = [];
    while (seen.length < 5) {
      const messages = await queue.receive({ max: 10, waitMs: 5_000 });
      seen.push(...texts(messages));
      if (seen.length < 3) await queue.nack(messages, { delayMs: seen.length === 1 ? 300 : 0 });
      else await queue.ack(messages);
    }
    expect(seen).toEqual(['1 1', '1 2', '1 3', '2 1', '3 1']);
  });

  test('keeps the order of a group with two receivers, through a nack with a delay', async () => {
    const name = `${randomUUID()}.fifo`;
    const receivers = [use({ queue: name }), use({ queue: name })];
    const bodies = Array.from({ length: 15 }, (_, n) => `${n}`);
    await receivers[0]?.publish(of('a', ...bodies));
    const done: string[] = [];
    for (let turn = 0; done.length < 15; turn++) {
      const queue = receivers[turn % 2];
      for (const message of (await queue?.receive({ max: 10, waitMs: 200 })) ?? []) {
        const isFirst = message.deliveryCount === 1 && Number(message.body.toString()) % 5 === 0;
        if (isFirst) await queue?.nack([message], { delayMs: 100 });
        else {
          done.push(message.body.toString());
          await queue?.ack([message]);
        }
      }
    }
    expect(done).toEqual(bodies);
  });

  test('gives what others sent, with their attributes', async () => {
    const name = `${randomUUID()}.fifo`;
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    await admin.sendMessage({
      QueueUrl: await urlOf(name),
      MessageBody: 'a',
      MessageGroupId: 'customer-7',
      MessageDeduplicationId: '1',
      MessageAttributes: {
        'X-Kind': { DataType: 'String', StringValue: 'order' },
        size: { DataType: 'Number', StringValue: '7' },
        raw: { DataType: 'Binary', BinaryValue: Buffer.from([255]) },
      },
    });
    const [message] = await queue.receive({ max: 1, waitMs: 5_000 });
    expect(message).toMatchObject({ headers: { 'x-kind': 'order', size: '7', raw: '/w==' }, group: 'customer-7' });
  });

  test('carries headers, groups and bodies that SQS has no place for', async () => {
    const headers = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`x-${n}`, n === 3 ? '' : `ü${n}`]));
    const messages = [{ body: '', headers, group: 'ein Käufer' }, ...of('x'.repeat(300), '\u0000', 'b')];
    for (const queue of [use(), use({ queue: randomUUID() })]) {
      await queue.publish(messages);
      const got: IncomingMessage[] = [];
      while (got.length < 3) {
        const some = await queue.receive({ max: 3, waitMs: 5_000 });
        got.push(...some);
        await queue.ack(some);
      }
      const plain = got.map(({ body, group, headers }) => ({ body: body.toString(), group, headers }));
      for (const { body, group } of messages) expect(plain).toContainEqual(expect.objectContaining({ body, group }));
      expect(plain.find(({ body }) => body === '')?.headers).toEqual(headers);
    }
  });

  test('sends large messages in as many requests as they need', async () => {
    const queue = use();
    const large = Buffer.alloc(MIB - 100, 'x');
    await queue.publish(Array.from({ length: 3 }, () => ({ body: large, group: 'a' })));
    const [first] = await queue.receive({ max: 1, waitMs: 10_000 });
    expect(first?.body.equals(large)).toBe(true);
  });

  test('passes on what the queue has a lower limit for, as too large', async () => {
    const queue = use({ maxBytes: 2 * MIB });
    await expect(queue.publish([{ body: 'x'.repeat(MIB + 1) }])).rejects.toMatchObject({ code: 'too_large' });
  });

  test('takes a queue by its URL, and makes none of it', async () => {
    const name = randomUUID();
    await use({ queue: name }).publish([{ body: 'a' }]);
    const { endpoint, ...rest } = server.config();
    const byUrl = new SqsQueue({ ...rest, queue: `${endpoint}/000000000000/${name}` });
    opened.push(byUrl);
    expect(texts(await byUrl.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a 1']);
    const none = new SqsQueue({ ...rest, queue: `${endpoint}/000000000000/${randomUUID()}` });
    opened.push(none);
    await expect(none.publish([{ body: 'a' }])).rejects.toMatchObject({ code: 'no_such_queue' });
  });

  test('makes its queue anew where it was deleted', async () => {
    const name = `${randomUUID()}.fifo`;
    const queue = use({ queue: name });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    await admin.deleteQueue({ QueueUrl: await urlOf(name) });
    await queue.publish([{ body: 'a' }]);
    expect(texts(await queue.receive({ max: 1, waitMs: 5_000 }))).toEqual(['a 1']);
  });

  test('delays no longer than SQS can, and nothing on a FIFO queue', async () => {
    const delayed = (delayMs: number) => [{ body: 'a', delayMs }];
    await expect(use().publish(delayed(1))).rejects.toMatchObject({ code: 'unsupported' });
    const standard = use({ queue: randomUUID() });
    await expect(standard.publish(delayed(900_001))).rejects.toMatchObject({ code: 'unsupported' });
    await standard.publish(delayed(900_000));
    expect(await standard.receive({ max: 1, waitMs: 0 })).toEqual([]);
  });
});
