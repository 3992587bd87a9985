import { setTimeout as pause } from 'node:timers/promises';
import type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';
import { batches } from '../batches.ts';
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
import { type AmqpClientConfig, amqpError, checkUrl, closeAmqp, openAmqp } from './amqp-client.ts';
import { type AmqpMessage, fromAmqp, toAmqp } from './amqp-message.ts';
import {
  MAX_DELAY_MS,
  mayComeLater,
  mayPublish,
  type Outgoing,
  type Publisher,
  publishAll,
  publisherEnds,
} from './amqp-publisher.ts';

export interface AmqpQueueConfig extends AmqpClientConfig {
  readonly queue: string;
  /** False: the queue has to be there, of whatever type; and no delays, which need queues of their own. */
  readonly create?: boolean;
  /** Where the queue is made here: it goes to one receiver at a time, the others stand by. So order holds with several. */
  readonly singleActive?: boolean;
  /** Messages here and not acked, at most: in hand, and held back behind them. 1 to 2,000; 500 unless told. */
  readonly prefetch?: number;
  /** A message is in hand for no longer; 900 unless told. Less than the server's consumer_timeout, 1,800 unless told. */
  readonly maxInHandSeconds?: number;
}

interface Reader {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  /** Ids of what was received and not answered. */
  readonly open: Set<string>;
  /** Aborted with the reason why nothing more comes. */
  readonly end: AbortController;
  readonly fail: (error?: Error) => void;
  tag: Promise<string> | null;
}

/** The limit of RabbitMQ 4 unless it is told another. */
const MAX_BYTES = 16 * 1024 * 1024;
const DEFAULT_PREFETCH = 500;
/** Published and not yet confirmed, at most. */
const BATCH = { messages: 200, bytes: 4 * 1024 * 1024 };
/** How long a queue that takes nothing just now is tried again, and how often. */
const PATIENCE_MS = 5_000;
const AGAIN_MS = 100;
/** After so long without a call of receive, nothing more is taken from the queue. */
const IDLE_MS = 60_000;
/** A delay after a nack is waited out here, and the server waits for an answer half an hour. */
const MAX_NACK_DELAY_MS = 900_000;

/**
 * A quorum queue of RabbitMQ (3.10 or later): persistent messages, confirmed when a majority has them on disk.
 *
 * - Order within a group holds with one receiver, or with several of a queue that has `singleActive`: what is behind a
 *   message of its group is held back in it. It needs message ids, which this class gives.
 * - The delivery count is the server's, of quorum queues. What was held back counts as received when its receiver closes.
 * - An ack is not confirmed: where the connection breaks at that moment, the message comes again.
 * - No dedupe ids. Delays to two digits, by a queue for each.
 */
export class AmqpQueue implements QueuePort {
  readonly traits: Traits;
  readonly #config: AmqpQueueConfig;
  readonly #publisher: Link<Publisher>;
  readonly #reader: Link<Reader>;
  readonly #intake: Intake<AmqpMessage>;
  #isClosing = false;

  constructor(config: AmqpQueueConfig) {
    checkUrl(config.url);
    const { queue, prefetch = DEFAULT_PREFETCH, create = true, maxInHandSeconds = 900 } = config;
    if (!queue || Buffer.byteLength(queue) > 200) throw new QueueError('misconfigured', 'queue: 1 to 200 bytes');
    if (!(prefetch >= 1 && prefetch <= 2_000)) throw new QueueError('misconfigured', 'prefetch: 1 to 2,000');
    this.traits = { delays: create, dedupes: false, tellsRedelivery: true, maxBytes: MAX_BYTES };
    this.#config = config;
    const declare = (channel: ConfirmChannel) => this.#declare(channel);
    this.#publisher = new Link(publisherEnds(config, declare, (broken) => void this.#publisher.drop(broken)));
    this.#reader = new Link({
      open: () => this.#openReader(),
      shut: ({ connection }) => closeAmqp(connection),
      toError: amqpError,
    });
    this.#intake = new Intake(this.#upstream(), { leaseMs: IDLE_MS, maxInHandMs: maxInHandSeconds * 1_000 });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const longest = Math.max(0, ...messages.map(({ delayMs = 0 }) => delayMs));
    if (longest > 0 && !this.traits.delays) throw new QueueError('unsupported', 'delayMs: not with create: false');
    if (longest > MAX_DELAY_MS) throw new QueueError('unsupported', 'delayMs: at most 30 days');
    const all = messages.map((message) => toAmqp(message, MAX_BYTES));
    for (const batch of batches(all, BATCH)) await this.#publish(batch);
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#intake.receive(options);
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const mine = this.#intake.held(messages);
    await this.#answer(mine, (channel, { delivery }) => channel.ack(delivery));
    this.#intake.acked(mine);
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    if (delayMs > MAX_NACK_DELAY_MS) throw new QueueError('unsupported', 'delayMs of a nack: at most 15 minutes');
    const mine = this.#intake.held(messages);
    if (mine.length > 0) await this.#intake.nacked(mine, delayMs);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(of?: Use): Promise<Health> {
    const asked = this.#publisher.call(async (publisher) => {
      await publisher.channel.checkQueue(this.#config.queue);
      if (of === 'publishing') await mayPublish(publisher);
    });
    return healthOf(asked, 'RabbitMQ');
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#intake.close();
    await Promise.all([this.#publisher.close(), this.#reader.close()]);
  }

  #upstream(): Upstream<AmqpMessage> {
    return {
      fetch: async (_, waitMs, signal) => {
        const { end } = await this.#reader.call((reader) => this.#consuming(reader));
        // It comes by itself. With no time to wait, what is on its way is given a moment.
        await this.#intake.arrival(Math.max(waitMs, 50), signal, end.signal);
        if (end.signal.aborted) throw amqpError(end.signal.reason);
      },
      // The server keeps it for as long as the channel is open.
      extend: async () => {},
      giveBack: async ({ taken, untaken }) => {
        // The end of the connection gives all back.
        if (this.#isClosing) return;
        if (untaken.length > 0) await this.#stopConsuming();
        await this.#requeue([...taken, ...untaken]);
      },
      again: (messages) => this.#requeue(messages),
    };
  }

  /** A queue that was deleted is made again. */
  async #publish(messages: readonly Outgoing[]): Promise<void> {
    let left = messages;
    let isFirst = true;
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const publisher = await this.#publisher.get();
      const sent = left;
      const { missed, nacked } = await this.#publisher.call(() => publishAll(publisher, this.#config.queue, sent));
      left = sent.filter((message) => missed.includes(message) || nacked.includes(message));
      if (left.length === 0) return;
      if (missed.length > 0) {
        await this.#publisher.drop(publisher);
        if (!isFirst) throw new QueueError('no_such_queue', `there is no queue ${this.#config.queue}`);
        isFirst = false;
      }
      if (nacked.length === 0) continue;
      if (performance.now() > until || !mayComeLater(nacked, sent)) {
        throw new QueueError('rejected', 'RabbitMQ did not take the message: its queue is full, or without a leader');
      }
      await pause(AGAIN_MS);
    }
  }

  #requeue(messages: readonly AmqpMessage[]): Promise<void> {
    return this.#answer(messages, (channel, { delivery }) => channel.nack(delivery, false, true));
  }

  /** What was received on a channel that is gone is the server's again already. */
  async #answer(
    messages: readonly AmqpMessage[],
    say: (channel: Channel, message: AmqpMessage) => void,
  ): Promise<void> {
    if (messages.length === 0) return;
    await this.#reader.call(async ({ channel, open }) => {
      for (const message of messages) if (open.delete(message.id)) say(channel, message);
    });
  }

  #openReader(): Promise<Reader> {
    return openAmqp(
      this.#config,
      (connection) => connection.createChannel(),
      async (channel, connection) => {
        await this.#declare(channel);
        await channel.prefetch(this.#config.prefetch ?? DEFAULT_PREFETCH);
        const end = new AbortController();
        const fail = (error: Error = new Error('the connection was closed')) => {
          if (end.signal.aborted) return;
          if (!this.#isClosing) this.#intake.clear();
          end.abort(error);
          void this.#reader.drop(reader);
        };
        const reader: Reader = { connection, channel, open: new Set(), end, fail, tag: null };
        channel.on('error', fail);
        channel.on('close', () => fail());
        connection.on('close', fail);
        return reader;
      },
    );
  }

  /** Takes messages from the queue, if it does not yet. */
  async #consuming(reader: Reader): Promise<Reader> {
    const onMessage = (delivery: ConsumeMessage | null) => {
      // The queue was deleted, and what was received from it with it.
      if (!delivery) return reader.fail(new Error('the queue was deleted'));
      const message = fromAmqp(delivery, (id) => reader.open.has(id));
      reader.open.add(message.id);
      this.#intake.add(message);
    };
    reader.tag ??= reader.channel.consume(this.#config.queue, onMessage).then(({ consumerTag }) => consumerTag);
    await reader.tag;
    return reader;
  }

  async #stopConsuming(): Promise<void> {
    await this.#reader.call(async (reader) => {
      const tag = reader.tag;
      reader.tag = null;
      if (tag) await reader.channel.cancel(await tag);
    });
  }

  async #declare(channel: Channel): Promise<void> {
    const { queue, create = true, singleActive = false } = this.#config;
    if (!create) return void (await channel.checkQueue(queue));
    const single = singleActive ? { 'x-single-active-consumer': true } : {};
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', ...single } });
  }
}
