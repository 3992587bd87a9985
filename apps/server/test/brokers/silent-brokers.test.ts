import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { checkBroker } from '../../src/brokers/check.ts';
import { open } from '../../src/brokers/open.ts';
import type { BrokerType } from '../../src/core/broker/all.ts';
import type { BrokerConfig } from '../../src/core/broker/form.ts';
import { LOCAL, listener } from '../egress/stage.ts';
import { until } from '../kit/until.ts';

const CONFIGS = {
  redis: (port) => ({ url: `redis://127.0.0.1:${port}`, stream: 'orders' }),
  amqp: (port) => ({ url: `amqp://127.0.0.1:${port}`, queue: 'orders' }),
  kafka: (port) => ({ brokers: `127.0.0.1:${port}`, topic: 'orders', tls: false }),
  nats: (port) => ({ url: `nats://127.0.0.1:${port}`, stream: 'orders' }),
} satisfies { [type in BrokerType]?: (port: number) => BrokerConfig };

const frame = (...method: readonly number[]) => Buffer.from([1, 0, 0, 0, 0, 0, method.length, ...method, 0xce]);

/** Lets a client of AMQP in, and says nothing of what it asks then. */
const START = frame(
  0,
  10,
  0,
  10,
  0,
  9,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  5,
  ...Buffer.from('PLAIN'),
  0,
  0,
  0,
  5,
  ...Buffer.from('en_US'),
);
const TUNE = frame(0, 10, 0, 30, 0, 0, 0, 2, 0, 0, 0, 0);
const OPEN_OK = frame(0, 10, 0, 41, 0);

function letIn(socket: Socket): void {
  const answers = [START, TUNE, OPEN_OK];
  socket.on('data', (chunk: Buffer) => {
    const isTuned = answers.length === 1 && !chunk.includes(Buffer.from([0, 10, 0, 40]));
    const answer = isTuned ? undefined : answers.shift();
    if (answer) socket.write(answer);
  });
}

const SILENT: readonly (readonly [what: string, type: keyof typeof CONFIGS, onSocket: (socket: Socket) => void])[] = [
  ['Redis that says nothing', 'redis', (socket) => void socket.resume()],
  ['AMQP server that says nothing', 'amqp', (socket) => void socket.resume()],
  ['AMQP server that says nothing once it has let one in', 'amqp', letIn],
  ['Kafka server that says nothing', 'kafka', (socket) => void socket.resume()],
  ['NATS server that says nothing', 'nats', (socket) => void socket.resume()],
];

describe.each(SILENT)('%s', (_what, type, onSocket) => {
  test('is let go of once it was refused', async () => {
    await using server = await listener(onSocket);
    expect(await checkBroker(type, CONFIGS[type](server.port), { policy: LOCAL })).toMatchObject({
      code: 'unreachable',
    });
    expect(server.sockets.length).toBeGreaterThan(0);
    await closed(server.sockets);
  });

  // The client of NATS forgets a socket that never spoke; it is closed after 30 s.
  test('is let go of by a queue that goes on', { timeout: 60_000 }, async () => {
    await using server = await listener(onSocket);
    const queue = open(type, CONFIGS[type](server.port), { policy: LOCAL });
    try {
      await expect(queue.publish([{ body: '{}' }])).rejects.toMatchObject({ code: 'unreachable' });
      await closed(server.sockets, type === 'nats' ? 35_000 : 12_000);
    } finally {
      await queue.close();
    }
  });
});

/** By the other side: what is here was never ended by the test. */
function closed(sockets: readonly Socket[], withinMs = 12_000) {
  return until(
    () => sockets.filter(({ destroyed }) => !destroyed).length,
    (count) => count === 0,
    withinMs,
  );
}
