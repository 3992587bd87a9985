import { randomUUID } from 'node:crypto';
import type { Consumer as PullConsumer } from '@nats-io/jetstream';
import { consume } from '../consume.ts';
import { QueueError } from '../error.ts';
import { healthOf } from '../health.ts';
import { Intake, type Upstream } from '../intake.ts';
import { Link } from '../link.ts';
import type {
  ConsumeOptions,
  Handler,
  Health,
  IncomingMessage,
  OutgoingMessage,
  QueuePort,
  Traits,
  Use,
} from '../port.ts';
import { isApiError, type NatsClient, type NatsClientConfig, natsEnds, WRONG_LAST_ID } from './nats-client.ts';
import { headersOf, messageOf, type NatsMessage } from './nats-message.ts';

export interface NatsQueueConfig extends NatsClientConfig {
  /** The name of the stream: no dots, spaces, `*`, `>` or slashes. */
  readonly queue: string;
  /** What is published to, and what the stream takes where it is made here; the stream's name unless told. */
  readonly subject?: string;
  /** The durable consumer; `postrider` unless told. A work queue has one. */
  readonly consumer?: string;
  /** False: stream and consumer have to be there; `receiver`: the stream has to, its consumer is made. */
  readonly create?: boolean | 'receiver';
  /** Copies of the stream in a cluster, where it is made here; 1 unless told. */
  readonly replicas?: number;
  /** A message that is neither acked nor nacked nor extended comes again after so long; 60 unless told, at least 3. */
  readonly leaseSeconds?: number;
  /** A message is in hand for no longer; 900 unless told. */
  readonly maxInHandSeconds?: number;
  /** Dedupe ids are remembered for so long, where the stream is made here; 120 unless told. */
  readonly dedupeSeconds?: number;
}

/** The server's own limit unless it is told another. */
const TRAITS: Traits = { delays: false, dedupes: true, tellsRedelivery: true, maxBytes: 1024 * 1024 };
/** Published and not yet confirmed, at most. */
const IN_FLIGHT = 200;
/** A pull that the server keeps open, at least (the client takes no less) and at most. */
const PULL_MS = [1_000, 10_000] as const;
/** How long the answer to a pull is waited for, where nobody wants to wait. */
const NO_WAIT_MS = 250;
const NANOS = 1e6;

/**
 * A work-queue stream of NATS JetStream (server 2.9 or later) with a durable pull consumer: stored in files, each message
 * acked with a confirmation.
 *
 * - Order within a group holds with one receiver: what is behind a message of its group is held back in it. With several,
 *   which share the work without that order, a group may pause for half a minute after a nack that went to another.
 * - The delivery count is the server's. What was held back or on its way counts as received when its receiver closes.
 * - The server does not see who acks: a message whose lease ended unextended here is not acked, as another may have it.
 * - No delays: JetStream has none before server 2.12. A nack may have one.
 */
export class NatsQueue implements QueuePort {
  readonly traits = TRAITS;
  readonly #config: Required<Omit<NatsQueueConfig, keyof NatsClientConfig>>;
  readonly #link: Link<NatsClient>;
  readonly #intake: Intake<NatsMessage>;
  /** Consumers are of a connection. */
  readonly #consumers = new WeakMap<NatsClient, Promise<PullConsumer>>();

  constructor(config: NatsQueueConfig) {
    if (!/^[^\s.*>/\\]+$/.test(config.queue)) {
      throw new QueueError('misconfigured', 'queue: the name of a stream, without dots, spaces, *, > and slashes');
    }
    if (config.leaseSeconds !== undefined && config.leaseSeconds < 3) {
      throw new QueueError('misconfigured', 'leaseSeconds: at least 3');
    }
    this.#config = {
      queue: config.queue,
      subject: config.subject ?? config.queue,
      consumer: config.consumer ?? 'postrider',
      create: config.create ?? true,
      replicas: config.replicas ?? 1,
      leaseSeconds: config.leaseSeconds ?? 60,
      maxInHandSeconds: config.maxInHandSeconds ?? 900,
      dedupeSeconds: config.dedupeSeconds ?? 120,
    };
    this.#link = new Link(natsEnds(config, (broken) => void this.#link.drop(broken)));
    this.#intake = new Intake(this.#upstream(), {
      leaseMs: this.#leaseMs,
      maxInHandMs: this.#config.maxInHandSeconds * 1_000,
      compare: (a, b) => Number(a.id) - Number(b.id),
    });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.some(({ delayMs = 0 }) => delayMs > 0)) {
      throw new QueueError('unsupported', 'delayMs: JetStream has no delays');
    }
    const all = await Promise.all(messages.map((message) => headersOf(message, TRAITS.maxBytes)));
    for (let at = 0; at < all.length; at += IN_FLIGHT) {
      await this.#publishing((client) =>
        Promise.all(
          all.slice(at, at + IN_FLIGHT).map(({ body, headers, dedupeId }) =>
            client.jetstream.publish(this.#config.subject, body, {
              headers,
              ...(dedupeId !== undefined && { msgID: dedupeId }),
              expect: { streamName: this.#config.queue },
            }),
          ),
        ),
      );
    }
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#intake.receive(options);
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    await this.#settle(messages, '+ACK', (mine) => this.#intake.acked(mine));
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    const answer = delayMs > 0 ? `-NAK {"delay":${Math.round(delayMs * NANOS)}}` : '-NAK';
    await this.#settle(messages, answer, (mine) => this.#intake.returned(mine, delayMs));
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(of?: Use): Promise<Health> {
    const asked =
      of === 'receiving'
        ? this.#onStream(async () => {})
        : of
          ? this.#mayPublish()
          : this.#link.call(({ connection }) => connection.flush());
    return healthOf(asked, 'NATS');
  }

  async close(): Promise<void> {
    await this.#intake.close();
    await this.#link.close();
  }

  get #leaseMs(): number {
    return Math.round(this.#config.leaseSeconds * 1_000);
  }

  #upstream(): Upstream<NatsMessage> {
    return {
      fetch: (room, waitMs, signal) => this.#fetch(room, waitMs, signal),
      extend: async (messages) => {
        const leasedUntil = performance.now() + this.#leaseMs;
        await this.#answer(messages, '+WPI');
        for (const message of messages) message.leasedUntil = leasedUntil;
      },
      giveBack: async ({ taken, untaken }) => {
        // It gives them out again in the order in which they come back.
        const sorted = [...taken, ...untaken].sort((a, b) => Number(a.id) - Number(b.id));
        await this.#answer(sorted, '-NAK');
      },
      // A nack is the server's: it comes through a pull.
      again: async () => {},
    };
  }

  /** Resolves with the first that came, or when the pull ends; what else it brings is taken as it comes. */
  async #fetch(room: number, waitMs: number, signal: AbortSignal): Promise<void> {
    // Whole: the server takes no fraction of a nanosecond.
    const expires = Math.round(Math.min(Math.max(waitMs, PULL_MS[0]), PULL_MS[1]));
    const pull = this.#onStream(async (client, consumer) => {
      const messages = await consumer.fetch({ max_messages: room, expires, bind: true });
      const stop = () => void messages.close();
      signal.addEventListener('abort', stop, { once: true });
      try {
        for await (const message of messages) {
          this.#intake.add(messageOf(message, performance.now() + this.#leaseMs));
        }
      } catch (error) {
        // Its consumer may be gone, which the next pull finds out.
        this.#consumers.delete(client);
        if (!(error instanceof Error && error.message === 'heartbeats missed')) throw error;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    });
    pull.catch(() => {});
    if (waitMs > 0) return pull;
    await Promise.race([pull, this.#intake.arrival(NO_WAIT_MS)]);
  }

  async #settle(
    messages: readonly IncomingMessage[],
    answer: string,
    done: (mine: readonly NatsMessage[]) => void,
  ): Promise<void> {
    const now = performance.now();
    const mine = this.#intake.held(messages);
    const lost = mine.filter(({ leasedUntil }) => leasedUntil <= now);
    this.#intake.letGo(lost);
    const answered = mine.filter((message) => !lost.includes(message));
    try {
      await this.#link.call(({ connection }) =>
        Promise.all(answered.map(({ reply }) => connection.request(reply, answer, { timeout: 10_000 }))),
      );
    } catch (error) {
      this.#intake.letGo(answered);
      throw error;
    }
    done(answered);
  }

  /** Told, and not confirmed one by one. */
  async #answer(messages: readonly NatsMessage[], answer: string): Promise<void> {
    await this.#link.call(async ({ connection }) => {
      for (const { reply } of messages) connection.publish(reply, answer);
      await connection.flush();
    });
  }

  /** Nothing is stored: no message before it can have had this id. */
  async #mayPublish(): Promise<void> {
    const expect = { streamName: this.#config.queue, lastMsgID: randomUUID() };
    try {
      await this.#publishing(({ jetstream }) => jetstream.publish(this.#config.subject, '', { expect }));
    } catch (error) {
      if (!isApiError(error, WRONG_LAST_ID)) throw error;
    }
  }

  /** Consumers are for those who receive: they are made here, with the stream, but need not be there. */
  async #publishing<R>(act: (client: NatsClient) => Promise<R>): Promise<R> {
    if (this.#config.create) return this.#onStream(act);
    try {
      return await this.#link.call(act);
    } catch (error) {
      if (!isUnheard(error)) throw error;
      throw new QueueError('no_such_queue', `no stream takes ${this.#config.subject}`, { cause: error });
    }
  }

  /** With the stream and its consumer made sure of. Where they are gone after all, that is done once more. */
  async #onStream<R>(act: (client: NatsClient, consumer: PullConsumer) => Promise<R>): Promise<R> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await this.#link.call(async (client) => act(client, await this.#consumer(client)));
      } catch (error) {
        if (!isUnheard(error) || !isFirst) throw error;
        this.#consumers.delete(await this.#link.get());
      }
    }
  }

  #consumer(client: NatsClient): Promise<PullConsumer> {
    const known = this.#consumers.get(client);
    if (known) return known;
    const made = this.#prepare(client);
    this.#consumers.set(client, made);
    made.catch(() => this.#consumers.delete(client));
    return made;
  }

  async #prepare({ manager, jetstream }: NatsClient): Promise<PullConsumer> {
    const { queue, subject, consumer, create, replicas, dedupeSeconds } = this.#config;
    if (create === true && (await isMissing(manager.streams.info(queue)))) {
      await manager.streams.add({
        name: queue,
        subjects: [subject],
        retention: 'workqueue',
        storage: 'file',
        num_replicas: replicas,
        duplicate_window: Math.round(dedupeSeconds * 1_000) * NANOS,
      });
    }
    if (create && (await isMissing(manager.consumers.info(queue, consumer)))) {
      await manager.consumers.add(queue, {
        durable_name: consumer,
        ack_policy: 'explicit',
        ack_wait: this.#leaseMs * NANOS,
        max_ack_pending: -1,
      });
    }
    return jetstream.consumers.get(queue, consumer);
  }
}

/** The client says so where nobody takes what goes to the subject. */
function isUnheard(error: unknown): boolean {
  return error instanceof QueueError && /jetstream is not enabled|no responders/i.test(error.message);
}

async function isMissing(info: Promise<unknown>): Promise<boolean> {
  try {
    await info;
    return false;
  } catch (error) {
    if (error instanceof Error && /^(Stream|Consumer)NotFoundError$/.test(error.name)) return true;
    throw error;
  }
}
