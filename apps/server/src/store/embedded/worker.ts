import { fsyncSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

/**
 * The thread that runs PGlite. It takes protocol bytes and answers protocol bytes; 'close' shuts it down cleanly.
 *
 * PGlite starts PostgreSQL with fsync off (`-F`), and its file system has no fsync to call: a power cut could then lose
 * what was answered 202. Both are put right here. With `wal_sync_method = fsync` each commit is one real fsync of the log.
 */
class DurableNodeFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const result = await super.init(...args);
    result.emscriptenOpts.preRun?.push((module: unknown) => {
      const { NODEFS } = module as { NODEFS: { stream_ops: { fsync?: (stream: { nfd: number }) => number } } };
      NODEFS.stream_ops.fsync = (stream) => {
        fsyncSync(stream.nfd);
        return 0;
      };
    });
    return result;
  }
}

const { folder } = workerData as { folder: string };
const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');

const database = new PGlite({
  fs: new DurableNodeFS(folder),
  startParams: [
    ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
    '-c',
    'wal_sync_method=fsync',
    // All of it is resident: the engine runs inside our own memory budget.
    '-c',
    'shared_buffers=32MB',
  ],
});
await database.waitReady;

// One message at a time, in order: a promise chain, because execProtocolRaw is asynchronous.
let last: Promise<void> = Promise.resolve();
port.on('message', (message: Uint8Array | 'close') => {
  last = last.then(async () => {
    if (message === 'close') {
      await database.close();
      port.close();
      return;
    }
    const answer = await database.execProtocolRaw(message);
    // The answer is a view of the engine's own memory: copy before giving it away.
    const bytes = answer.slice();
    port.postMessage(bytes, [bytes.buffer]);
  });
});
port.postMessage('ready');
