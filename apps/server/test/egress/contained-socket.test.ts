import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import tls, { connect as connectTls } from 'node:tls';
import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SocketGuard } from '../../src/egress/guarded-sockets.ts';
import { LOCAL, listener } from './stage.ts';

let receiver: Receiver;
let secure: { readonly port: number };
beforeAll(async () => {
  receiver = await startReceiver();
  secure = { port: Number(new URL((await receiver.tls(['hook.example.com'])).valid).port) };
});
afterAll(() => receiver.close());

const to = (port: number) => ({ host: '127.0.0.1', port });
const unverified = { rejectUnauthorized: false };

const WAYS: Readonly<Record<string, () => Socket>> = {
  'of TCP': () => net.connect(to(Number(new URL(receiver.url).port))),
  'of TLS': () => tls.connect({ ...to(secure.port), ...unverified }),
  'of TLS, by a name that was imported': () => connectTls({ ...to(secure.port), ...unverified }),
  'of TLS on a socket that was there': () => tls.connect({ socket: net.connect(to(secure.port)), ...unverified }),
};

const ASKING = 'GET /ok HTTP/1.1\r\nhost: hook.example.com\r\n\r\n';

describe.each(Object.entries(WAYS))('a socket %s', (_way, connect) => {
  test.each(['data', 'readable', 'connect', 'close'])(
    'ends, and nothing else does, where a listener of %s throws',
    async (event) => {
      const guard = new SocketGuard({ policy: LOCAL });
      const socket = guard.run(connect);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      const told: unknown[] = [];
      socket.on('error', (error) => told.push(error));
      const refusal = new Error('not to be read');
      socket.on(event, () => {
        throw refusal;
      });
      socket.write(ASKING);
      if (event === 'close') socket.destroy();
      await closed;
      expect(told).toEqual(event === 'close' ? [] : [refusal]);
    },
  );

  test('shows its client nothing that is refused', async () => {
    const seen: string[] = [];
    const inspect = () => (chunk: Buffer) => {
      throw new Error(`refused ${chunk.toString('latin1', 0, 8)}`);
    };
    const socket = new SocketGuard({ policy: LOCAL, inspect }).run(connect);
    socket.on('data', (chunk) => seen.push(String(chunk)));
    socket.write(ASKING);
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ message: 'refused HTTP/1.1' });
    expect(seen).toEqual([]);
  });
});

test('an error that nobody hears ends the socket and nothing else', async () => {
  await using server = await listener((socket) => socket.resetAndDestroy());
  const socket = new SocketGuard({ policy: LOCAL }).run(() => net.connect(to(server.port)));
  await new Promise((resolve) => socket.once('close', resolve));
});

test('a socket that is connected once more is looked at from the beginning', async () => {
  await using server = await listener((socket) => socket.end('hello'));
  const begun: number[] = [];
  const inspect = () => {
    begun.push(0);
    return ({ length }: Buffer) => {
      begun.push(length);
    };
  };
  const guard = new SocketGuard({ policy: LOCAL, inspect });
  const socket = new net.Socket();
  for (let time = 0; time < 2; time++) {
    guard.run(() => socket.connect(server.port, '127.0.0.1').resume());
    await once(socket, 'close');
  }
  expect(begun).toEqual([0, 5, 0, 5]);
});
