import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseQueueUrl, QUEUE_URL_EXAMPLES } from '../src/from-url.ts';
import {
  AmqpQueue,
  AzureQueue,
  KafkaQueue,
  NatsQueue,
  PubSubQueue,
  QueueError,
  RedisQueue,
  SqsQueue,
} from '../src/index.ts';

describe('a queue named by a URL', () => {
  test.each([
    ['redis://user:password@host:6379/0?queue=events&group=workers', RedisQueue],
    ['rediss://host', RedisQueue],
    ['nats://host:4222,other:4222?replicas=3', NatsQueue],
    ['tls://host?token=t', NatsQueue],
    ['amqp://user:password@host/vhost', AmqpQueue],
    ['kafka://user:password@host:9092,other:9092?mechanism=scram-sha-512&partitions=12', KafkaQueue],
    ['kafkas://host:9092', KafkaQueue],
    ['sqs://AKIA:secret%2Fkey@eu-central-1?queue=events.fifo', SqsQueue],
    ['azure://postrider:a%2Bkey%3D@shop.servicebus.windows.net', AzureQueue],
    ['pubsub://project?endpoint=127.0.0.1:8085&plaintext=1', PubSubQueue],
  ])('%s is opened without a connection', async (url, adapter) => {
    const queue = await parseQueueUrl(url).open();
    expect(queue).toBeInstanceOf(adapter);
    await queue.close();
  });

  test('is postrider unless told, and is shown without what is secret', () => {
    expect(parseQueueUrl('redis://user:pa%3Ass@host:6379/0').shown).toBe('redis://host:6379/0?queue=postrider');
    expect(parseQueueUrl('nats://host?queue=events&token=secret').shown).toBe('nats://host?queue=events');
  });

  test.each([
    ['no URL', 'takes one of: redis://'],
    ['http://host', 'takes one of: redis://'],
    ['__proto__://host', 'takes one of: redis://'],
    ['redis://host?name=x', 'the parameter name is none of queue, group, ca'],
    ['nats://host?replicas=many', 'the parameter replicas is a whole number'],
    ['azure://policy:key@host?sessions=true', 'the parameter sessions is 1 for on, 0 for off'],
    ['redis://u:%ZZ@host', 'percent-encoded'],
  ])('%s is refused, and the reason says what there is', async (url, reason) => {
    const refusal = await (async () => parseQueueUrl(url).open())().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(QueueError);
    expect(refusal).toMatchObject({ code: 'misconfigured', message: expect.stringContaining(reason) });
  });

  test('never says what stands between // and @', async () => {
    const secrets = [
      'redis://user:hunter2@host?nope=1',
      'ftp://user:hunter2@host',
      'kafka://u:hunter2@h:1?mechanism=x',
    ];
    for (const url of secrets) {
      const refusal = await (async () => parseQueueUrl(url).open())().catch((error: Error) => error.message);
      expect(refusal).not.toContain('hunter2');
    }
  });

  test('reads files by their names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postrider-test-'));
    const file = join(folder, 'ca.pem');
    writeFileSync(file, 'a certificate');
    await (await parseQueueUrl(`rediss://host?ca=${file}`).open()).close();
    await expect(parseQueueUrl(`rediss://host?ca=${file}.none`).open()).rejects.toThrow('a file that cannot be read');
    rmSync(folder, { recursive: true });
  });

  test('has an example of each kind that is itself right', () => {
    for (const example of QUEUE_URL_EXAMPLES) expect(() => parseQueueUrl(example.split(' ', 1).join())).not.toThrow();
  });
});
