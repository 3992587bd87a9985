import type { Socket } from 'node:net';
import { Client } from 'undici';
import { type ConnectorOptions, type ConnectProgress, openConnection, type Target } from './connector.ts';
import type { OriginPool } from './origin-pool.ts';
import type { Sending } from './sending.ts';

/**
 * undici's own limits are off (0) where the one total deadline rules. A kept-alive socket lives 4 s at most, whatever
 * `keep-alive: timeout=` the receiver promises: Node's servers close after 5 s and many proxies sooner than they say,
 * and the later we reuse a socket the likelier it is being closed under us.
 */
const CLIENT_OPTIONS = {
  allowH2: false,
  pipelining: 1,
  headersTimeout: 0,
  bodyTimeout: 0,
  maxHeaderSize: 16_384,
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 4_000,
  keepAliveTimeoutThreshold: 1_000,
} as const;

/**
 * One undici `Client`, so one socket and one exchange at a time. Not undici's Pool or Agent, because with those nobody
 * can say which exchange a connection was opened for, nor give up the connecting for one.
 */
export class Connection {
  sending: Sending | null = null;
  readonly #client: Client;
  readonly #pool: OriginPool;
  #socket: Socket | null = null;
  #opening: AbortController | null = null;

  constructor(origin: string, target: Target, options: ConnectorOptions, pool: OriginPool) {
    this.#pool = pool;
    this.#client = new Client(origin, {
      ...CLIENT_OPTIONS,
      connect: (_options, callback) => {
        this.#open(options, target).then(
          (socket) => callback(null, socket),
          (error) => callback(error, null),
        );
      },
    });
    // An exchange under way hears of it itself, and one not yet written is given a new socket by undici.
    this.#client.on('disconnect', () => {
      if (this.sending === null) this.#pool.discard(this);
    });
  }

  /** undici calls for a socket at the first exchange, and again if a kept one closes before the next is written. */
  async #open(options: ConnectorOptions, target: Target): Promise<Socket> {
    const progress: ConnectProgress = { step: 'connect', durations: { dns: null, connect: null, tls: null } };
    this.sending?.connecting(progress);
    this.#opening = new AbortController();
    try {
      this.#socket = await openConnection(options, target, progress, this.#opening);
      return this.#socket;
    } finally {
      this.#opening = null;
    }
  }

  /** The peer ended its side, as against undici giving up on what it sent. */
  get peerClosed(): boolean {
    return this.#socket?.readableEnded === true;
  }

  carry(sending: Sending): void {
    this.sending = sending;
    sending.carriedBy(this);
    this.#client.dispatch(sending.options, sending);
  }

  /** The exchange is over and the socket is good for another. */
  release(): void {
    this.sending = null;
    this.#pool.release(this);
  }

  /** The exchange is over and so is the socket: called as well while connecting. */
  discard(): void {
    this.sending = null;
    this.#pool.discard(this);
  }

  /** The exchange is not over, and goes on with a connection that was never used. */
  replace(sending: Sending): void {
    this.sending = null;
    this.#pool.replace(this, sending);
  }

  /** Resolves once the socket is closed. For the pool. */
  destroy(): Promise<void> {
    this.#opening?.abort();
    return this.#client.destroy();
  }
}
