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
  const connect = switchboard(worker, () => closing);
  return {
    stream: () => new WireStream(connect()),
    async close() {
      closing = true;
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('close');
      await gone;
      unlock();
    },
  };
}

/**
 * Connections come and go, and the engine's one session outlives them. Each answer goes to the connection that asked, even
 * where the next one is there already; and a connection that hangs up leaves no transaction and no statement behind.
 */
function switchboard(worker: Worker, isClosing: () => boolean): () => Wire {
  // The engine answers each message, in order.
  const askers: ((answer: Uint8Array) => void)[] = [];
  worker.on('message', (answer: Uint8Array) => askers.shift()?.(answer));
  const ask = (bytes: Uint8Array<ArrayBuffer>, onAnswer: (answer: Uint8Array) => void) => {
    askers.push(onAnswer);
    worker.postMessage(bytes, [bytes.buffer]);
  };
  return () => {
    let answered: (answer: Uint8Array) => void = () => {};
    return {
      send: (bytes) => ask(bytes, (answer) => answered(answer)),
      listen(onAnswer) {
        answered = onAnswer;
        const onExit = () => onAnswer(null);
        worker.once('exit', onExit);
        return () => {
          answered = () => {};
          worker.off('exit', onExit);
          if (isClosing()) return;
          for (const sql of ['rollback', 'discard all']) ask(simpleQuery(sql), () => {});
        };
      },
    };
  };
}

/** The protocol's message for a statement without parameters: its type, its length, its text, a zero. */
function simpleQuery(sql: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + 4 + sql.length + 1);
  bytes[0] = 0x51;
  new DataView(bytes.buffer).setInt32(1, bytes.length - 1);
  bytes.set(Buffer.from(sql), 5);
  return bytes;
}
