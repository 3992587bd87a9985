import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { lockFolder } from './lock.ts';
import { type Wire, WireStream } from './wire-stream.ts';

/**
 * The embedded database: PGlite in a worker thread, spoken to in PostgreSQL's own wire protocol by the same `pg` driver
 * as a real server. So there is one way to run a statement, and the event loop that accepts and delivers is never
 * blocked by a query (measured in docs/performance.md).
 */
export interface Embedded {
  /** A connection for `pg`: whatever is written to it is run by the worker. */
  readonly stream: () => Duplex;
  close(): Promise<void>;
}

/** @throws FolderInUseError where another process has this folder open. */
export async function openEmbedded(folder: string, onError: (error: Error) => void): Promise<Embedded> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockFolder(folder);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { folder: join(folder, 'pgdata') },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`the embedded database stopped at start (exit ${code})`)));
    });
  } catch (error) {
    unlock();
    throw error;
  }
  let closing = false;
  worker.removeAllListeners('exit');
  worker.on('error', onError);
  worker.once('exit', (code) => {
    if (!closing) onError(new Error(`the embedded database stopped (exit ${code})`));
  });
  return {
    stream: () => new WireStream(wireTo(worker)),
    async close() {
      closing = true;
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('close');
      await gone;
      unlock();
    },
  };
}

function wireTo(worker: Worker): Wire {
  return {
    send: (bytes) => worker.postMessage(bytes, [bytes.buffer]),
    listen(onAnswer) {
      const onExit = () => onAnswer(null);
      worker.on('message', onAnswer);
      worker.once('exit', onExit);
      return () => {
        worker.off('message', onAnswer);
        worker.off('exit', onExit);
      };
    },
  };
}
