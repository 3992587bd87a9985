import { expect, test } from 'vitest';
import { failureOf } from '../../src/brokers/failure.ts';
import { open } from '../../src/brokers/open.ts';
import { LOCAL, listener } from '../egress/stage.ts';

const NUL = '\0';

/** What is told of a server that answers so to all but the beginning. */
async function told(error: string): Promise<unknown> {
  await using server = await listener((socket) =>
    socket.on('data', (chunk) => socket.write(/PING|AUTH|SELECT/.test(String(chunk)) ? '+OK\r\n' : `-${error}\r\n`)),
  );
  const config = {
    url: `redis://127.0.0.1:${server.port}`,
    stream: 'orders',
    username: 'me',
    password: 'correct-horse',
  };
  const queue = open('redis', config, { policy: LOCAL });
  try {
    return await queue.publish([{ body: '{}' }]).catch((error: Error) => error.message);
  } finally {
    await queue.close();
  }
}

test('what a broker says of an error can be stored', async () => {
  expect(await told(`ERR no${NUL} such${NUL} thing`)).toBe('ERR no such thing');
});

test('a cut through a character leaves none of it', async () => {
  expect(await told(`ERR ${'x'.repeat(495)}😀`)).toBe(`ERR ${'x'.repeat(495)}\ufffd`);
});

test('a secret that is told with a NUL in it is told as none', async () => {
  expect(await told(`ERR correct-${NUL}horse is wrong`)).toBe('ERR •••••• is wrong');
});

test('what is no error of a broker can be stored too', () => {
  expect(failureOf(new Error(`a${NUL}b\ud800`))).toEqual({ code: 'unreachable', message: 'ab\ufffd' });
});
