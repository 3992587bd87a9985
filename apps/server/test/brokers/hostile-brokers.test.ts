import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { checkBroker } from '../../src/brokers/check.ts';
import { open } from '../../src/brokers/open.ts';
import type { BrokerType } from '../../src/core/broker/all.ts';
import type { BrokerConfig } from '../../src/core/broker/form.ts';
import { LOCAL, listener } from '../egress/stage.ts';
import { startQuietRedis } from '../kit/quiet-redis.ts';

const OUTSIDE = { policy: LOCAL };

/** Says this to the first that it is asked. */
function answering(answer: Buffer) {
  return (socket: Socket) => void socket.once('data', () => socket.write(answer));
}

const CONFIGS = {
  redis: (port) => ({ url: `redis://127.0.0.1:${port}`, stream: 'orders' }),
  kafka: (port) => ({ brokers: `127.0.0.1:${port}`, topic: 'orders', tls: false }),
} satisfies { [type in BrokerType]?: (port: number) => BrokerConfig };

const HOSTILE: readonly (readonly [what: string, type: keyof typeof CONFIGS, answer: Buffer])[] = [
  ['Kafka whose response has no room for its number', 'kafka', Buffer.from('0000000100', 'hex')],
  ['Kafka whose response is of 2 GiB', 'kafka', Buffer.from('7fffffff00000001', 'hex')],
  ['Redis whose answer has 30,000,000 elements, 60 times over', 'redis', Buffer.from('*30000000\r\n'.repeat(60))],
  ['Redis that answers what nobody asked', 'redis', Buffer.from('+PONG\r\n'.repeat(1_000))],
  ['Redis that answers with a type that is none', 'redis', Buffer.from('\0\0\0\0\r\n')],
];

describe.each(HOSTILE)('%s', (_what, type, answer) => {
  test('costs its own connection and no other', async () => {
    await using hostile = await listener(answering(answer));
    const quiet = await startQuietRedis();
    const other = open('redis', { url: quiet.url, stream: 'orders' }, OUTSIDE);
    const queue = open(type, CONFIGS[type](hostile.port), OUTSIDE);
    try {
      await other.publish([{ body: 'before' }]);
      await queue.publish([{ body: 'a' }]).then(
        () => expect.unreachable(),
        (error) => expect(error).toMatchObject({ name: 'QueueError', code: 'unreachable' }),
      );
      await other.publish([{ body: 'after' }]);
    } finally {
      await Promise.all([queue.close(), other.close()]);
      await quiet.close();
    }
  }, 20_000);

  test('is refused when it is saved', async () => {
    await using hostile = await listener(answering(answer));
    expect(await checkBroker(type, CONFIGS[type](hostile.port), OUTSIDE)).toMatchObject({ code: 'unreachable' });
  }, 20_000);
});
