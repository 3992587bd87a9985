import type { OutgoingMessage, QueuePort } from '@postrider/queues';
import type { BrokerType } from '../core/broker/all.ts';
import type { BrokerConfig } from '../core/broker/form.ts';
import type { Outside } from './open.ts';

/** Who publishes where: connections are of an endpoint, and shared with no other. */
export interface Destination {
  readonly id: string;
  readonly type: BrokerType;
  readonly config: BrokerConfig;
}

type Open = (destination: Destination) => Promise<QueuePort>;

interface Publisher {
  readonly config: BrokerConfig;
  readonly queue: Promise<QueuePort>;
  inHand: number;
  isRetired: boolean;
  /** By performance.now(). */
  usedAt: number;
}

/** Each is a connection, or a few. */
const MAX_OPEN = 500;
const IDLE_MS = 5 * 60_000;

/**
 * Connections to customers' brokers, one for each endpoint. A config that has changed gets a new one, and the old one is
 * closed when what it has in hand is done; so is the one that was used longest ago, where there are too many, and what
 * was not used for five minutes.
 */
export class Publishers {
  readonly #opener: Open;
  readonly #maxOpen: number;
  /** The one used longest ago first. */
  readonly #publishers = new Map<string, Publisher>();
  /** Those and the retired that have something in hand. */
  readonly #open = new Set<Publisher>();
  readonly #closing = new Set<Promise<void>>();
  readonly #sweep: NodeJS.Timeout;

  constructor(outside: Outside, options: { open?: Open; maxOpen?: number } = {}) {
    this.#opener = options.open ?? (({ type, config }) => opened(type, config, outside));
    this.#maxOpen = options.maxOpen ?? MAX_OPEN;
    this.#sweep = setInterval(() => this.closeIdle(performance.now() - IDLE_MS), IDLE_MS / 5).unref();
  }

  /** @throws what a GuardedQueue does. */
  async publish(destination: Destination, message: OutgoingMessage): Promise<void> {
    const publisher = this.#publisherOf(destination);
    publisher.inHand++;
    try {
      const queue = await publisher.queue;
      await queue.publish([message]);
    } finally {
      publisher.inHand--;
      publisher.usedAt = performance.now();
      if (publisher.isRetired && publisher.inHand === 0) this.#close(publisher);
    }
  }

  /** @param before by performance.now(). */
  closeIdle(before: number): void {
    for (const [id, publisher] of this.#publishers) {
      if (publisher.inHand === 0 && publisher.usedAt < before) this.#retire(id, publisher);
    }
  }

  get size(): number {
    return this.#publishers.size;
  }

  /** Lets go of all, also of what is in hand: nobody waits for that any more. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#publishers.clear();
    for (const publisher of this.#open) this.#close(publisher);
    await Promise.all(this.#closing);
  }

  #publisherOf(destination: Destination): Publisher {
    const { id, config } = destination;
    const known = this.#publishers.get(id);
    if (known && isSame(known.config, config)) {
      this.#publishers.delete(id);
      this.#publishers.set(id, known);
      return known;
    }
    if (known) this.#retire(id, known);
    const made: Publisher = {
      config,
      queue: this.#opener(destination),
      inHand: 0,
      isRetired: false,
      usedAt: performance.now(),
    };
    // One that cannot be is tried anew by the next message.
    made.queue.catch(() => {
      this.#open.delete(made);
      if (this.#publishers.get(id) === made) this.#publishers.delete(id);
    });
    this.#publishers.set(id, made);
    this.#open.add(made);
    for (const [oldest, publisher] of this.#publishers) {
      if (this.#publishers.size <= this.#maxOpen) break;
      this.#retire(oldest, publisher);
    }
    return made;
  }

  #retire(id: string, publisher: Publisher): void {
    this.#publishers.delete(id);
    publisher.isRetired = true;
    if (publisher.inHand === 0) this.#close(publisher);
  }

  #close(publisher: Publisher): void {
    if (!this.#open.delete(publisher)) return;
    const closing = publisher.queue
      .then((open) => open.close())
      .catch(() => {})
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

async function opened(type: BrokerType, config: BrokerConfig, outside: Outside): Promise<QueuePort> {
  const { open } = await import('./open.ts');
  return open(type, config, outside);
}

/** An endpoint that was read anew has a config of its own, mostly the same. */
function isSame(one: BrokerConfig, other: BrokerConfig): boolean {
  if (one === other) return true;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}
