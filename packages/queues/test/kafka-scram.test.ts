import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { KafkaQueue } from '../src/index.ts';

const int16 = (value: number) => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const int32 = (value: number) => Buffer.concat([int16(value >> 16), int16(value)]);
const NO_ERROR = int16(0);
const NULL = int16(-1);

/** As far as a client comes that is asked to hash its password so many times. */
async function startScram(iterations: number) {
  const proofs: string[] = [];
  const sockets = new Set<Socket>();
  const answers: Readonly<Record<number, (request: Buffer) => Buffer>> = {
    // ApiVersions: of SaslAuthenticate the first.
    18: () => Buffer.concat([NO_ERROR, int32(1), ...[36, 0, 0].map(int16), int32(0)]),
    // SaslHandshake
    17: () => Buffer.concat([NO_ERROR, int32(0)]),
    // SaslAuthenticate
    36: (request) => {
      const text = request.toString('latin1');
      if (text.includes('p=')) proofs.push(text);
      const nonce = /r=([\w-]+)/.exec(text)?.[1];
      const first = Buffer.from(`r=${nonce}server,s=c2FsdHNhbHQ=,i=${iterations}`);
      return Buffer.concat([NO_ERROR, NULL, int32(first.length), first]);
    },
  };
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    // A client asks one thing at a time until it is let in.
    socket.on('data', (request: Buffer) => {
      const body = answers[request.readInt16BE(4)]?.(request) ?? Buffer.alloc(0);
      socket.write(Buffer.concat([int32(body.length + 4), request.subarray(8, 12), body]));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening');
  return {
    proofs,
    open: (mechanism: 'scram-sha-256' | 'scram-sha-512') =>
      new KafkaQueue({
        brokers: `127.0.0.1:${address.port}`,
        queue: 'orders',
        create: false,
        sasl: { mechanism, username: 'me', password: 'correct-horse-battery' },
      }),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('a server that wants a password hashed two billion times holds no thread', async () => {
  await using server = await startScram(0x7fffffff);
  const queues = Array.from({ length: 8 }, () => server.open('scram-sha-512'));
  try {
    const healths = await Promise.all(queues.map((queue) => queue.health()));
    // Of the four threads that there are, one is free.
    await promisify(pbkdf2)('password', 'salt', 1, 32, 'sha256');
    for (const health of healths) expect(health).toMatchObject({ ok: false, code: 'unauthorized' });
    expect(server.proofs).toEqual([]);
  } finally {
    await Promise.all(queues.map((queue) => queue.close()));
  }
});

test.each(['scram-sha-256', 'scram-sha-512'] as const)(
  '%s is proven as often as servers want it',
  async (mechanism) => {
    await using server = await startScram(4_096);
    const queue = server.open(mechanism);
    try {
      await queue.health();
      expect(server.proofs.length).toBeGreaterThan(0);
    } finally {
      await queue.close();
    }
  },
);
