import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type HostileName, type Receiver, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EgressErrorCode } from '../../src/egress/error-code.ts';
import { client, listener } from './stage.ts';

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver({ record: 'none' });
});

afterAll(() => receiver.close());

const DEADLINE_MS = 300;

/** `response` where there is a complete one, however odd what follows it. */
const ENDINGS: [HostileName, EgressErrorCode | 'response'][] = [
  ['never-answers', 'timeout'],
  ['header-drip', 'timeout'],
  // undici ends the connection at a 100 nobody asked for.
  ['endless-continue', 'invalid_response'],
  ['endless-hints', 'timeout'],
  ['body-drip', 'response_timeout'],
  ['huge-body', 'response'],
  ['gzip-bomb', 'response'],
  ['huge-header', 'headers_too_large'],
  ['many-headers', 'headers_too_large'],
  ['two-lengths', 'invalid_response'],
  ['reset-before-headers', 'connection_reset'],
  ['reset-mid-body', 'response_truncated'],
  ['close-mid-body', 'response_truncated'],
  ['garbage', 'invalid_response'],
  ['keep-alive-close', 'response'],
  ['keep-alive-reset', 'response'],
  ['accept-close', 'connection_reset'],
  ['silent', 'timeout'],
];

test('every hostile receiver of the package is in the table', () => {
  expect(ENDINGS.map(([name]) => name).sort()).toEqual(Object.keys(receiver.hostile).sort());
});

test.each(ENDINGS)('%s ends within its deadline as %s', async (name, ending) => {
  await using stage = client();
  const start = performance.now();
  const exchange = await stage.send(receiver.hostile[name], { deadlineMs: DEADLINE_MS });
  expect(performance.now() - start).toBeLessThan(DEADLINE_MS + 200);
  expect(exchange.kind === 'error' ? exchange.code : 'response').toBe(ending);
  expect(exchange.kind === 'response' ? exchange.body.length <= 4096 : exchange.message.length > 0).toBe(true);
});

test('a flood of 103 ends long before the deadline', async () => {
  await using server = await listener((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(10_000)));
  });
  await using stage = client();
  expect(await stage.send(server.url, { deadlineMs: 20_000 })).toMatchObject({
    kind: 'error',
    code: 'invalid_response',
  });
});

test('a 101 nobody asked for is no response', async () => {
  await using server = await listener((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'));
  });
  await using stage = client();
  expect(await stage.send(server.url)).toMatchObject({ kind: 'error', code: 'invalid_response' });
});

test('a thousand short header lines are too many', async () => {
  await using server = await listener((socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(1_000)}content-length: 0\r\n\r\n`));
  });
  await using stage = client();
  expect(await stage.send(server.url)).toMatchObject({ kind: 'error', code: 'headers_too_large' });
});

test('trailers without end are too many headers', async () => {
  await using server = await listener((socket) => {
    const trailers = `x-t: ${'a'.repeat(1_000)}\r\n`.repeat(100);
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n${trailers}`);
    });
  });
  await using stage = client();
  expect(await stage.send(server.url)).toMatchObject({ kind: 'error', code: 'headers_too_large' });
});

test('a malformed chunk is no response', async () => {
  await using server = await listener((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\nZZ\r\n'));
  });
  await using stage = client();
  expect(await stage.send(server.url)).toMatchObject({ kind: 'error', code: 'invalid_response' });
});

test('memory does not grow with the number of hostile receivers met', { timeout: 120_000 }, async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  await using stage = client();

  const round = async () => {
    const sent = ENDINGS.flatMap(([name]) =>
      Array.from({ length: 10 }, () => stage.send(receiver.hostile[name], { deadlineMs: DEADLINE_MS })),
    );
    await Promise.all(sent);
  };
  const held = async () => {
    // Sockets that are being closed give up their buffers over the next turns.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };

  // The first rounds compile code and fill the pools of the runtime.
  for (let warm = 0; warm < 5; warm++) await round();
  const before = await held();
  for (let more = 0; more < 10; more++) await round();
  const grown = (await held()) - before;
  // 1,800 exchanges: a leak of 1 KB each would be 1.8 MB.
  expect(grown).toBeLessThan(1_800_000);
});
