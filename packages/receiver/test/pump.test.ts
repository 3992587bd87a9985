import { connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { pump } from '../src/hostile/pump.ts';
import { listen } from '../src/listening.ts';

const CHUNKS = 1000;

/** Two ends of one connection, and how many of the 64 KB chunks were drawn for it so far. */
async function connection(): Promise<{ near: Socket; far: Socket; chunks: Iterator<Uint8Array>; drawn: () => number }> {
  const accepted = Promise.withResolvers<Socket>();
  const listening = await listen(createServer(accepted.resolve), '127.0.0.1');
  onTestFinished(() => listening.close());
  const far = connect(listening.port, '127.0.0.1').pause();
  let drawn = 0;
  function* draw(): Iterator<Uint8Array> {
    for (; drawn < CHUNKS; drawn += 1) yield Buffer.alloc(64 * 1024);
  }
  return { near: await accepted.promise, far, chunks: draw(), drawn: () => drawn };
}

it('a flood waits for its reader instead of filling memory, and then arrives whole', async () => {
  const { near, far, chunks, drawn } = await connection();
  pump(near, chunks);
  // The kernel takes a few megabytes at once; what is left in the process is one chunk, not the thousand.
  expect(near.writableLength).toBeLessThanOrEqual(64 * 1024);
  expect(drawn()).toBeLessThan(CHUNKS);
  let bytes = 0;
  const end = new Promise((resolve) => far.once('end', resolve));
  far.on('data', (chunk) => {
    bytes += chunk.length;
  });
  far.resume();
  await end;
  expect(bytes).toBe(CHUNKS * 64 * 1024);
});

it('a flood stops when its socket closes', async () => {
  const { near, far, chunks, drawn } = await connection();
  near.on('error', () => {});
  const closed = new Promise((resolve) => near.once('close', resolve));
  pump(near, chunks);
  far.resetAndDestroy();
  await closed;
  const before = drawn();
  await new Promise((resolve) => setImmediate(resolve));
  expect(drawn()).toBe(before);
  expect(before).toBeLessThan(CHUNKS);
});
