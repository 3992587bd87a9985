import type { IncomingMessage, OutgoingMessage, QueuePort } from '@postrider/queues';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import { within } from '../within.ts';

/** How often a broker that is away is asked whether it is back. */
const PROBE_MS = 1_000;
/** A broker that does not take what it is given within this counts as away. */
export const PUBLISH_MS = 5_000;

/**
 * The broker between processes: whether it can be used now, and all that is said to it. Nothing in it is the only copy
 * of anything: what it has lost, or cannot take, is in the database and finds its way from there.
 */
export class Backbone implements Service {
  readonly #queue: QueuePort;
  readonly #shown: string;
  readonly #log: Log;
  readonly #probe: Service;
  #isUp = false;
  #hasSaidSo = false;

  constructor({ queue, shown, log }: { queue: QueuePort; shown: string; log: Log }) {
    this.#queue = queue;
    this.#shown = shown;
    this.#log = log;
    this.#probe = repeating(
      PROBE_MS,
      () => this.#look(),
      (error) => log.error({ err: error }, 'the broker was not asked'),
    );
  }

  start(): void {
    this.#probe.start();
  }

  /** Not before nothing is in hand any more: what is, goes back. */
  async stop(): Promise<void> {
    await this.#probe.stop();
    await this.#queue.close();
  }

  /** Whether it took what it was given last, or said since then that it is well. */
  get isUp(): boolean {
    return this.#isUp;
  }

  get tellsRedelivery(): boolean {
    return this.#queue.traits.tellsRedelivery;
  }

  /** Largest message, bytes. */
  get maxBytes(): number {
    return this.#queue.traits.maxBytes;
  }

  /** @throws where it does not take them; it may have some of them all the same. */
  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    try {
      await within(PUBLISH_MS, this.#queue.publish(messages), () => {
        throw new Error(`no answer within ${PUBLISH_MS / 1_000} s`);
      });
    } catch (error) {
      // A limit of its own, lower than those of its kind: no word of how it is.
      if (!(error instanceof Error && 'code' in error && error.code === 'too_large')) this.#away(error);
      throw error;
    }
  }

  /** Null where it cannot be reached: then not before it may be worth asking again. */
  async receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[] | null> {
    try {
      return await this.#queue.receive(options);
    } catch (error) {
      this.#away(error);
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
      return null;
    }
  }

  /** Done with them. What it does not hear of comes again, and is seen to be done. */
  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    await this.#queue.ack(messages).catch((error: unknown) => this.#away(error));
  }

  /** To come again, to anybody. */
  async nack(messages: readonly IncomingMessage[], delayMs: number): Promise<void> {
    await this.#queue.nack(messages, { delayMs }).catch((error: unknown) => this.#away(error));
  }

  async #look(): Promise<void> {
    if (this.#isUp) return;
    const health = await this.#queue.health();
    if (!health.ok) return this.#away(health.reason);
    this.#isUp = true;
    this.#log.info({ queue: this.#shown }, 'the broker is in use');
  }

  /** Said once. */
  #away(error: unknown): void {
    const isNews = this.#isUp || !this.#hasSaidSo;
    this.#isUp = false;
    this.#hasSaidSo = true;
    if (!isNews) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.warn({ queue: this.#shown, reason }, 'the broker cannot be used; deliveries go through the database');
  }
}
