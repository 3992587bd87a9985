import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, LAX, listener, resolving, stageDial } from './stage.ts';

let receiver: Receiver;

beforeAll(async () => {
  receiver = await startReceiver({ record: 'none' });
});

afterAll(() => receiver.close());

test('a receiver that never answers does not hold up another', async () => {
  await using stage = client({ maxConnectionsPerOrigin: 2 });
  const stuck = Array.from({ length: 20 }, () => stage.send(receiver.hostile.silent, { deadlineMs: 1_000 }));
  const started = performance.now();
  const quick = await Promise.all(Array.from({ length: 20 }, () => stage.send(`${receiver.url}/ok`)));
  expect(quick.every((exchange) => exchange.kind === 'response')).toBe(true);
  expect(performance.now() - started).toBeLessThan(900);
  await Promise.all(stuck);
});

test('connections to one origin are bounded, and the rest wait their turn', async () => {
  await using server = await listener((socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
  });
  await using stage = client({ maxConnectionsPerOrigin: 3 });
  const all = await Promise.all(Array.from({ length: 50 }, () => stage.send(server.url)));
  expect(all.every((exchange) => exchange.kind === 'response')).toBe(true);
  expect(server.sockets.length).toBe(3);
  expect(stage.egress.size).toEqual({ origins: 1, idle: 3, active: 0 });
});

test('an exchange that waited to its deadline for a connection says so, and is not sent all the same', async () => {
  let answered = 0;
  await using server = await listener((socket, nth) => {
    if (nth === 1) return;
    socket.on('data', () => {
      answered++;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await using stage = client({ maxConnectionsPerOrigin: 1 });
  const first = stage.send(server.url, { deadlineMs: 300 });
  const waiting = stage.send(server.url, { deadlineMs: 100 });
  const last = stage.send(server.url);
  expect(await waiting).toMatchObject({ kind: 'error', code: 'queue_timeout' });
  expect(await first).toMatchObject({ kind: 'error', code: 'timeout' });
  expect(await last).toMatchObject({ kind: 'response', status: 200 });
  expect(answered).toBe(1);
});

test('a pool of one survives a stale connection', async () => {
  await using server = await listener((socket) => {
    let requests = 0;
    socket.on('data', () => {
      if (requests++ === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      else socket.resetAndDestroy();
    });
  });
  await using stage = client({ maxConnectionsPerOrigin: 1 });
  for (let round = 0; round < 4; round++) {
    const both = await Promise.all([stage.send(server.url), stage.send(server.url)]);
    expect(both.map((exchange) => exchange.kind)).toEqual(['response', 'response']);
  }
});

test('idle connections are bounded over all origins, the longest idle closed first', async () => {
  await using stage = client({
    policy: LAX,
    resolve: resolving('8.8.8.8'),
    dial: stageDial(receiver.port),
    maxIdleConnections: 10,
  });
  for (let customer = 0; customer < 200; customer++) await stage.send(`http://customer-${customer}.example.com/ok`);
  expect(stage.egress.size).toEqual({ origins: 10, idle: 10, active: 0 });
  // The last one is still there.
  expect(await stage.send('http://customer-199.example.com/ok')).toMatchObject({ timings: { connect: null } });
});

test('an origin whose connections the receiver closed is forgotten', async () => {
  await using stage = client();
  for (let round = 0; round < 3; round++) await stage.send(receiver.hostile['keep-alive-close']);
  await expect.poll(() => stage.egress.size).toEqual({ origins: 0, idle: 0, active: 0 });
});

test('an origin that refuses every connection is forgotten', async () => {
  await using stage = client({ policy: LAX, resolve: () => Promise.reject(new Error('no')) });
  const all = Array.from({ length: 100 }, (_, customer) => stage.send(`http://customer-${customer}.example.com/`));
  await Promise.all(all);
  expect(stage.egress.size).toEqual({ origins: 0, idle: 0, active: 0 });
});
