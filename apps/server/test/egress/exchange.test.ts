import { once } from 'node:events';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, listener } from './stage.ts';

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver();
});

afterAll(() => receiver.close());

/** Answers each request on a connection (a request comes in one piece here) with these bytes. */
function answering(...answers: (string | Buffer)[]) {
  return listener((socket: Socket) => {
    const left = [...answers];
    socket.on('data', () => socket.write(left.shift() ?? 'HTTP/1.1 500 No more\r\ncontent-length: 0\r\n\r\n'));
  });
}

function ok(body: string | Buffer, headers = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${headers}content-length: ${bytes.length}\r\n\r\n`), bytes]);
}

test('what is sent is a POST of these very bytes with these very headers', async () => {
  await using stage = client();
  const seen = receiver.received.length;
  await stage.send(`${receiver.url}/ok/sent?a=b`, {
    headers: { 'content-type': 'application/json', 'x-latin': 'é' },
    body: new TextEncoder().encode('{"é":1}'),
  });
  const request = receiver.received[seen];
  expect(request?.method).toBe('POST');
  expect(request?.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': '8' });
});

describe('a response', () => {
  test('has its status, headers, body and timings', async () => {
    await using server = await answering(ok('fine', 'X-One: 1\r\nx-two: a\r\nX-Two: b\r\n'));
    await using stage = client();
    const exchange = await stage.send(server.url);
    expect(exchange).toEqual({
      kind: 'response',
      status: 200,
      headers: { 'x-one': '1', 'x-two': 'a, b', 'content-length': '4' },
      body: 'fine',
      durationMs: expect.any(Number),
      timings: { dns: null, connect: expect.any(Number), tls: null, first_byte: expect.any(Number) },
    });
  });

  test.each([204, 400, 404, 410, 429, 500, 503])('of status %i is a response', async (status) => {
    await using server = await answering(`HTTP/1.1 ${status} X\r\ncontent-length: 0\r\n\r\n`);
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ kind: 'response', status, body: '' });
  });

  test('after a few 103 is the response', async () => {
    await using server = await answering(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3)}${ok('late')}`);
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ kind: 'response', status: 200, body: 'late' });
  });

  test('without a length ends where the connection does', async () => {
    await using server = await listener((socket) =>
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')),
    );
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ kind: 'response', body: 'until the end' });
  });

  test('is kept in its first 64 headers', async () => {
    const lines = Array.from({ length: 200 }, (_, index) => `x-${index}: v\r\n`).join('');
    await using server = await answering(ok('', lines));
    await using stage = client();
    const exchange = await stage.send(server.url);
    expect(exchange.kind === 'response' && Object.keys(exchange.headers).length).toBe(64);
  });
});

describe('a body', () => {
  async function bodyOf(answer: Buffer): Promise<string> {
    await using server = await answering(answer);
    await using stage = client();
    const exchange = await stage.send(server.url);
    return exchange.kind === 'response' ? exchange.body : `error ${exchange.code}`;
  }

  test('of 4,096 bytes is whole, and of more is cut there', async () => {
    expect(await bodyOf(ok('a'.repeat(4096)))).toBe('a'.repeat(4096));
    expect(await bodyOf(ok('a'.repeat(4097)))).toBe('a'.repeat(4096));
    expect(await bodyOf(ok('a'.repeat(60_000)))).toBe('a'.repeat(4096));
  });

  test('cut within a character loses that character only', async () => {
    expect(await bodyOf(ok(`${'a'.repeat(4095)}é and more`))).toBe('a'.repeat(4095));
  });

  test('has no NUL and no invalid UTF-8', async () => {
    expect(await bodyOf(ok(Buffer.from([0x61, 0x00, 0xff, 0xc3, 0x62, 0xed, 0xa0, 0x80])))).toBe(
      'a\ufffd\ufffd\ufffdb\ufffd\ufffd\ufffd',
    );
    const text = await bodyOf(ok(gzipSync('secret'), 'content-encoding: gzip\r\n'));
    expect(text).not.toMatch(/secret|\0/);
    expect(text.isWellFormed()).toBe(true);
  });

  test('in chunks is put together', async () => {
    expect(
      await bodyOf(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n')),
    ).toBe('abc');
  });
});

describe('a connection', () => {
  test('is used again, and the second exchange has no connecting to report', async () => {
    await using server = await answering(ok('one'), ok('two'));
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ body: 'one', timings: { connect: expect.any(Number) } });
    expect(await stage.send(server.url)).toMatchObject({
      body: 'two',
      timings: { dns: null, connect: null, tls: null, first_byte: expect.any(Number) },
    });
    expect(server.sockets.length).toBe(1);
  });

  test('is used again after a body that was cut but had arrived', async () => {
    await using server = await answering(ok('a'.repeat(5_000)), ok('two'));
    await using stage = client();
    await stage.send(server.url);
    expect(await stage.send(server.url)).toMatchObject({ body: 'two' });
    expect(server.sockets.length).toBe(1);
  });

  test('is closed after a body that goes on past what is kept', async () => {
    await using server = await answering(`HTTP/1.1 200 OK\r\ncontent-length: 50000\r\n\r\n${'a'.repeat(5_000)}`);
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ kind: 'response', body: 'a'.repeat(4096) });
    const [socket] = server.sockets;
    if (socket !== undefined && !socket.closed) await once(socket, 'close');
    expect(stage.egress.size).toEqual({ origins: 0, idle: 0, active: 0 });
  });

  test('closed while idle is replaced', async () => {
    await using stage = client();
    const url = receiver.hostile['keep-alive-close'];
    for (let round = 0; round < 5; round++)
      expect(await stage.send(url)).toMatchObject({ kind: 'response', body: 'ok' });
  });

  test('reset when it is used again costs one new connection and no failure', async () => {
    await using server = await listener((socket, nth) => {
      socket.once('data', () => {
        socket.once('data', () => (nth === 1 ? socket.resetAndDestroy() : socket.write(ok('again'))));
        socket.write(ok('first'));
      });
    });
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ body: 'first' });
    expect(await stage.send(server.url)).toMatchObject({ body: 'first' });
    expect(server.sockets.length).toBe(2);
  });

  test('fresh and reset is not tried again: the receiver may have acted', async () => {
    await using server = await listener((socket) => socket.once('data', () => socket.resetAndDestroy()));
    await using stage = client();
    expect(await stage.send(server.url)).toMatchObject({ kind: 'error', code: 'connection_reset' });
    expect(server.sockets.length).toBe(1);
  });

  test('reused and cut within an answer is not tried again', async () => {
    await using server = await answering(ok('one'), 'HTTP/1.1 200 OK\r\ncontent-len');
    await using stage = client();
    await stage.send(server.url);
    const sent = stage.send(server.url);
    const [socket] = server.sockets;
    await (socket && once(socket, 'data'));
    setImmediate(() => socket?.end());
    expect(await sent).toMatchObject({ kind: 'error', code: 'connection_reset' });
    expect(server.sockets.length).toBe(1);
  });

  test('that refused one exchange does not fail the next', async () => {
    await using stage = client();
    for (const name of ['garbage', 'two-lengths', 'reset-mid-body'] as const) {
      expect(await stage.send(receiver.hostile[name])).toMatchObject({ kind: 'error' });
      expect(await stage.send(receiver.hostile['keep-alive-close'])).toMatchObject({ kind: 'response' });
    }
  });
});

describe('the caller', () => {
  test('may give up', async () => {
    const given = new AbortController();
    await using server = await listener((socket) => socket.once('data', () => given.abort()));
    await using stage = client();
    const sent = stage.send(server.url, { signal: given.signal });
    expect(await sent).toMatchObject({ kind: 'error', code: 'aborted' });
  });

  test('may have given up before', async () => {
    await using stage = client();
    expect(await stage.send(`${receiver.url}/ok`, { signal: AbortSignal.abort() })).toMatchObject({ code: 'aborted' });
  });

  test('is told of a header that cannot be sent', async () => {
    await using stage = client();
    expect(await stage.send(`${receiver.url}/ok`, { headers: { 'x-a': 'a\nb' } })).toMatchObject({
      kind: 'error',
      code: 'request_invalid',
    });
  });
});

test('an exchange that is over leaves no timer behind, however far its deadline', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  await using stage = client();
  await stage.send(`${receiver.url}/ok`);
  const before = timers();
  for (let times = 0; times < 50; times++) await stage.send(`${receiver.url}/ok`, { deadlineMs: 60_000 });
  expect(timers()).toBeLessThan(before + 10);
});

test('close lets what is under way end, and refuses what comes after', async () => {
  const stage = client();
  const { promise: asked, resolve } = Promise.withResolvers<Socket>();
  await using server = await listener((socket) => socket.once('data', () => resolve(socket)));
  const sent = stage.send(server.url);
  const socket = await asked;
  const closing = stage.egress.close();
  expect(await stage.send(server.url)).toMatchObject({ kind: 'error', code: 'closed' });
  socket.write(ok('late'));
  expect(await sent).toMatchObject({ kind: 'response', body: 'late' });
  await closing;
  expect(stage.egress.size).toEqual({ origins: 0, idle: 0, active: 0 });
});
