import type { IncomingMessage } from '@postrider/queues';

/**
 * Envelopes that are not acked, at most: of more, the oldest are acked before all in them has ended, and the leases bring
 * back what a worker that dies had of them. A broker gives out nothing more to one that has too many (`PREFETCH` in
 * from-url.ts), and a slow endpoint with a delivery in each would keep the others from being taken.
 */
const MAX_HELD = 256;

/**
 * The envelopes in hand, each to be acked once, as the broker brought it last: where the connection was cut meanwhile, it
 * waits to hear of that one alone. An envelope is told by its seal; one that was published twice has two ids.
 */
export class Held {
  readonly #messages = new Map<string, IncomingMessage>();
  readonly #ack: (message: IncomingMessage) => void;

  constructor(ack: (message: IncomingMessage) => void) {
    this.#ack = ack;
  }

  /** False where it is in hand already. */
  add(seal: string, message: IncomingMessage): boolean {
    const known = this.#messages.get(seal);
    if (known && known.id !== message.id) {
      this.#ack(message);
      return false;
    }
    this.#messages.set(seal, message);
    const [oldest] = this.#messages.keys();
    if (oldest !== undefined && this.#messages.size > MAX_HELD) this.settle(oldest);
    return !known;
  }

  /** All in it has ended. */
  settle(seal: string): void {
    const message = this.letGo(seal);
    if (message) this.#ack(message);
  }

  /** Not to be acked. */
  letGo(seal: string): IncomingMessage | undefined {
    const message = this.#messages.get(seal);
    this.#messages.delete(seal);
    return message;
  }
}
