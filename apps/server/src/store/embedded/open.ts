import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { lockFolder } from './lock.ts';

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
    stream: () => new WireStream(worker),
    async close() {
      closing = true;
      const gone = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('close');
      await gone;
      unlock();
    },
  };
}

// What a server answers to a client that says hello: AuthenticationOk, then ReadyForQuery (idle).
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);

// The type byte of Terminate. The engine outlives its one client, so it is answered here.
const GOODBYE = 0x58;

/** A socket as far as `pg` can tell. Each chunk holds whole protocol messages, because `pg` writes them whole. */
class WireStream extends Duplex {
  readonly #worker: Worker;
  #greeted = false;
  readonly #onMessage = (bytes: Uint8Array) => {
    this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  };
  readonly #onExit = () => this.destroy(new Error('the embedded database is gone'));

  constructor(worker: Worker) {
    super();
    this.#worker = worker;
    worker.on('message', this.#onMessage);
    worker.once('exit', this.#onExit);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (chunk[0] === GOODBYE) {
      this.push(null);
    } else if (this.#greeted) {
      // A copy of our own to give away: the chunk may be a slice of a pooled buffer.
      const bytes = new Uint8Array(chunk);
      this.#worker.postMessage(bytes, [bytes.buffer]);
    } else {
      this.#greeted = true;
      this.push(WELCOME);
    }
    done();
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#worker.off('message', this.#onMessage);
    this.#worker.off('exit', this.#onExit);
    done(error);
  }

  // The part of net.Socket that pg calls.
  connect(): this {
    process.nextTick(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
