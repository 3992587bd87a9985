import { consume } from './consume.ts';
import type { ConsumeOptions, Handler, IncomingMessage, OutgoingMessage, QueuePort } from './port.ts';

/** Says in the dead-letter place how often a message was tried. */
export const DELIVERY_COUNT_HEADER = 'postrider-delivery-count';

/**
 * A queue from which a message that was received too often goes to another one instead of coming again for ever. Done
 * here and not by the brokers, of which some can and some cannot: published there first and acked then, so that a crash
 * between the two leaves it twice and never nowhere.
 */
export class PoisonGuard implements QueuePort {
  readonly #queue: QueuePort;
  readonly #dead: QueuePort;
  readonly #maxDeliveries: number;

  /** @param maxDeliveries how often a message may be received, at least 1. */
  constructor(queue: QueuePort, options: { readonly dead: QueuePort; readonly maxDeliveries: number }) {
    this.#queue = queue;
    this.#dead = options.dead;
    this.#maxDeliveries = options.maxDeliveries;
  }

  get traits() {
    return this.#queue.traits;
  }

  async receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    const messages = await this.#queue.receive(options);
    const poison = messages.filter(({ deliveryCount }) => deliveryCount > this.#maxDeliveries);
    if (poison.length === 0) return messages;
    await this.#dead.publish(poison.map((message) => deadLetter(message)));
    await this.#queue.ack(poison);
    return messages.filter((message) => !poison.includes(message));
  }

  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    return this.#queue.publish(messages);
  }

  ack(messages: readonly IncomingMessage[]): Promise<void> {
    return this.#queue.ack(messages);
  }

  nack(messages: readonly IncomingMessage[], options?: { delayMs?: number }): Promise<void> {
    return this.#queue.nack(messages, options);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health() {
    return this.#queue.health();
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#dead.close();
  }
}

function deadLetter({ body, group, headers, deliveryCount }: IncomingMessage): OutgoingMessage {
  return { body, group, headers: { ...headers, [DELIVERY_COUNT_HEADER]: String(deliveryCount - 1) } };
}
