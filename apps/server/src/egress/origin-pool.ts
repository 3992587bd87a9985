import { Connection } from './connection.ts';
import type { ConnectorOptions, Target } from './connector.ts';
import type { Sending } from './sending.ts';

/** What all origins share: told of what goes idle, so that idle sockets are bounded over all of them. */
export interface PoolObserver {
  idle(connection: Connection, pool: OriginPool): void;
  busy(connection: Connection): void;
  closing(closed: Promise<void>): void;
  empty(pool: OriginPool): void;
}

/** The connections of one origin: at most `max`, the most recently used taken first, the rest waiting in turn. */
export class OriginPool {
  readonly origin: string;
  readonly #target: Target;
  readonly #options: ConnectorOptions;
  readonly #max: number;
  readonly #observer: PoolObserver;
  readonly #connections = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<Sending>();

  constructor(origin: string, target: Target, options: ConnectorOptions, max: number, observer: PoolObserver) {
    this.origin = origin;
    this.#target = target;
    this.#options = options;
    this.#max = max;
    this.#observer = observer;
  }

  /** Gives the exchange a connection, now or in its turn. */
  assign(sending: Sending): void {
    const kept = this.#idle.pop();
    if (kept !== undefined) {
      this.#observer.busy(kept);
      kept.carry(sending);
    } else if (this.#connections.size < this.#max) {
      this.#open(sending);
    } else {
      this.#waiting.add(sending);
    }
  }

  /** For an exchange that gave up while waiting. */
  withdraw(sending: Sending): void {
    this.#waiting.delete(sending);
  }

  release(connection: Connection): void {
    const next = this.#nextWaiting();
    if (next !== undefined) {
      connection.carry(next);
    } else {
      this.#idle.push(connection);
      this.#observer.idle(connection, this);
    }
  }

  /** In the stale one's place at once: after others in turn it would be given a used connection again. */
  replace(stale: Connection, sending: Sending): void {
    this.#connections.delete(stale);
    this.#observer.closing(stale.destroy());
    this.#open(sending);
  }

  discard(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) {
      this.#idle.splice(index, 1);
      this.#observer.busy(connection);
    }
    this.#observer.closing(connection.destroy());
    const next = this.#nextWaiting();
    if (next !== undefined) this.#open(next);
    else if (this.#connections.size === 0) this.#observer.empty(this);
  }

  /** For when no exchange is left: what remains is idle, or has more to say than anyone reads. */
  close(): void {
    for (const connection of [...this.#connections]) this.discard(connection);
  }

  #open(sending: Sending): void {
    const connection = new Connection(this.origin, this.#target, this.#options, this);
    this.#connections.add(connection);
    connection.carry(sending);
  }

  #nextWaiting(): Sending | undefined {
    const next = this.#waiting.values().next().value;
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }
}
