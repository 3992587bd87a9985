import type { Connection } from './connection.ts';
import type { ConnectorOptions } from './connector.ts';
import { bareHost } from './exemptions.ts';
import { OriginPool, type PoolObserver } from './origin-pool.ts';
import { portOf } from './url-policy.ts';

/**
 * The pools of all origins. An origin exists while it has a connection, and idle connections are bounded over all
 * origins, the longest idle closed first: memory and descriptors follow what is in flight and never how many customers
 * there are. (undici's Agent has either no bound, or one that refuses the request.)
 */
export class OriginPools implements PoolObserver {
  readonly #options: ConnectorOptions;
  readonly #maxPerOrigin: number;
  readonly #maxIdle: number;
  readonly #pools = new Map<string, OriginPool>();
  /** In the order they went idle. */
  readonly #idle = new Map<Connection, OriginPool>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: ConnectorOptions, maxPerOrigin: number, maxIdle: number) {
    this.#options = options;
    this.#maxPerOrigin = maxPerOrigin;
    this.#maxIdle = maxIdle;
  }

  of(url: URL): OriginPool {
    const { origin } = url;
    let pool = this.#pools.get(origin);
    if (pool === undefined) {
      const target = {
        protocol: url.protocol === 'https:' ? ('https:' as const) : ('http:' as const),
        host: bareHost(url.hostname),
        port: portOf(url),
      };
      pool = new OriginPool(origin, target, this.#options, this.#maxPerOrigin, this);
      this.#pools.set(origin, pool);
    }
    return pool;
  }

  get size(): { origins: number; idle: number } {
    return { origins: this.#pools.size, idle: this.#idle.size };
  }

  idle(connection: Connection, pool: OriginPool): void {
    this.#idle.set(connection, pool);
    if (this.#idle.size <= this.#maxIdle) return;
    const oldest = this.#idle.entries().next().value;
    if (oldest !== undefined) oldest[1].discard(oldest[0]);
  }

  busy(connection: Connection): void {
    this.#idle.delete(connection);
  }

  closing(closed: Promise<void>): void {
    this.#closing.add(closed);
    void closed.finally(() => this.#closing.delete(closed));
  }

  empty(pool: OriginPool): void {
    if (this.#pools.get(pool.origin) === pool) this.#pools.delete(pool.origin);
  }

  /** For when no exchange is left. Closes every connection, and resolves once every socket given up is closed. */
  async close(): Promise<void> {
    for (const pool of [...this.#pools.values()]) pool.close();
    await Promise.all(this.#closing);
  }
}
