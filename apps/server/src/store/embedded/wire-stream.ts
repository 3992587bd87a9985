import { Duplex } from 'node:stream';
import { joined } from './joined.ts';

/** Where the bytes of a connection go and come from. */
export interface Wire {
  /** Takes the bytes over: they are not used again by the caller. */
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** Calls back with each answer, or with null once there will be none any more. Returns what ends that. */
  listen(onAnswer: (bytes: Uint8Array | null) => void): () => void;
}

// What a server answers to a client that says hello: AuthenticationOk, then ReadyForQuery (idle).
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
// The type byte of Terminate. The engine outlives its one client, so it is answered here.
const GOODBYE = 0x58;

/** A socket as far as `pg` can tell. Each chunk holds whole protocol messages, because `pg` writes them whole. */
export class WireStream extends Duplex {
  readonly #wire: Wire;
  readonly #hangUp: () => void;
  #greeted = false;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
    this.#hangUp = wire.listen((bytes) => {
      if (bytes) this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      else this.destroy(new Error('the embedded database is gone'));
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pass([chunk]);
    done();
  }

  // What `pg` corks, the four messages that run a statement, goes in one piece: a switch of threads costs more than most
  // of them.
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#pass(chunks.map(({ chunk }) => chunk));
    done();
  }

  #pass(chunks: readonly Buffer[]): void {
    if (!this.#greeted) {
      this.#greeted = true;
      this.push(WELCOME);
    } else if (chunks[0]?.[0] === GOODBYE) {
      this.push(null);
    } else {
      this.#wire.send(joined(chunks));
    }
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#hangUp();
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
