import { setTimeout as pause } from 'node:timers/promises';
import type { Producer } from '@platformatic/kafka';
import { batches } from '../batches.ts';
import { consume } from '../consume.ts';
import { QueueError } from '../error.ts';
import { healthOf } from '../health.ts';
import { Intake, type Upstream } from '../intake.ts';
import { Link, within } from '../link.ts';
import type { ConsumeOptions, Handler, Health, IncomingMessage, OutgoingMessage, QueuePort, Traits } from '../port.ts';
import { clientOptions, isNamed, type KafkaClientConfig, kafkaError } from './kafka-client.ts';
import { type KafkaMessage, toKafka } from './kafka-message.ts';
import { KafkaPartitions } from './kafka-partitions.ts';
import { BATCH, openPublisher, publishBatch, shutPublisher } from './kafka-publisher.ts';
import { KafkaReader, type ReaderConfig, TRANSIENT } from './kafka-reader.ts';

export interface KafkaQueueConfig extends KafkaClientConfig {
  /** The topic. */
  readonly queue: string;
  /** The consumer group; `postrider-<queue>` unless told. Receivers of one group share the partitions. */
  readonly group?: string;
  /** False: the topic has to be there. */
  readonly create?: boolean;
  /** Of a topic that is made here; 6 unless told. No more receivers of a group than this have work. */
  readonly partitions?: number;
  /** Copies of a topic that is made here; as many as the servers are told unless told. */
  readonly replicas?: number;
  /** Where a group begins that has read nothing yet; `earliest` unless told. */
  readonly start?: 'earliest' | 'latest';
  /** The partitions of a receiver that vanished go to others after so long; 30 unless told, at least 6. */
  readonly leaseSeconds?: number;
  /** A message is in hand for no longer; 900 unless told. */
  readonly maxInHandSeconds?: number;
  /** A partition is read no further past a message that is not acked, so no more than this come twice; 10,000 unless told. */
  readonly maxAhead?: number;
  /** Largest message with its headers; 1,000,000 unless told. A server takes 1,048,588 bytes with what it adds. */
  readonly maxBytes?: number;
}

/** Handed on and not in hand, at most. */
const MAX_UNTAKEN = 1_000;
/** One poll waits no longer. */
const POLL_MS = 1_000;
/** How long the answer to a poll is waited for, where nobody wants to wait. */
const NO_WAIT_MS = 250;
/** A delay after a nack is waited out here. */
const MAX_NACK_DELAY_MS = 24 * 3_600_000;
const CLOSE_MS = 3_000;

/**
 * A topic of Apache Kafka (3.5 or later), read by a consumer group. A publish resolves when all replicas in step have it.
 *
 * - A group is the key of its records, so has one partition, and each partition has one receiver of the consumer group:
 *   order within a group holds with any number of them. When partitions move, what was in hand comes to both.
 * - Kafka remembers one offset of each partition: what was acked above a message that is not, comes again after a crash.
 * - Delivery counts are kept in memory and exact while a partition stays; after a crash or a move they begin at 1. The
 *   topic has other readers, so nothing is written into it to count.
 * - No delays, no dedupe ids. A nack may have a delay.
 */
export class KafkaQueue implements QueuePort {
  readonly traits: Traits;
  readonly #config: ReaderConfig;
  readonly #publisher: Link<Producer>;
  readonly #reader: Link<KafkaReader>;
  readonly #partitions: KafkaPartitions;
  readonly #intake: Intake<KafkaMessage>;
  #reading: Promise<void> | null = null;
  #committing: Promise<void> | null = null;
  #nextCommit: Promise<void> | null = null;
  #receivers = 0;
  #lastReceive = 0;
  #watch: NodeJS.Timeout | null = null;
  #isClosing = false;

  constructor(config: KafkaQueueConfig) {
    clientOptions(config);
    const { queue, leaseSeconds = 30, maxInHandSeconds = 900, maxAhead = 10_000, partitions = 6 } = config;
    if (!/^[\w.-]{1,249}$/.test(queue)) {
      throw new QueueError('misconfigured', 'queue: the name of a topic, of letters, digits, dots, _ and -');
    }
    if (!(leaseSeconds >= 6)) throw new QueueError('misconfigured', 'leaseSeconds: at least 6');
    if (!(maxAhead >= 1)) throw new QueueError('misconfigured', 'maxAhead: at least 1');
    if (!(partitions >= 1)) throw new QueueError('misconfigured', 'partitions: at least 1');
    this.traits = { delays: false, dedupes: false, tellsRedelivery: false, maxBytes: config.maxBytes ?? 1_000_000 };
    this.#config = {
      ...config,
      topic: queue,
      group: config.group ?? `postrider-${queue}`,
      create: config.create ?? true,
      partitions,
      replicas: config.replicas ?? null,
      start: config.start ?? 'earliest',
      sessionMs: Math.round(leaseSeconds * 1_000),
    };
    this.#partitions = new KafkaPartitions(maxAhead);
    this.#publisher = new Link({
      open: () => openPublisher(this.#config),
      shut: shutPublisher,
      toError: kafkaError,
    });
    this.#reader = new Link({ open: () => this.#openReader(), shut: (reader) => reader.close(), toError: kafkaError });
    this.#intake = new Intake(this.#upstream(), {
      leaseMs: this.#config.sessionMs,
      maxInHandMs: maxInHandSeconds * 1_000,
      compare: (a, b) => a.offset - b.offset,
    });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.some(({ delayMs = 0 }) => delayMs > 0)) {
      throw new QueueError('unsupported', 'delayMs: Kafka has no delays');
    }
    const { maxBytes } = this.traits;
    const all = messages.map((message) => toKafka(message, maxBytes));
    for (const batch of batches(all, { ...BATCH, bytes: maxBytes })) await this.#publish(batch);
  }

  async receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    this.#watch ??= setInterval(() => this.#leaveIfIdle(), this.#config.sessionMs / 3).unref();
    this.#receivers++;
    try {
      return await this.#intake.receive(options);
    } finally {
      this.#receivers--;
      this.#lastReceive = performance.now();
    }
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const mine = this.#intake.held(messages);
    this.#partitions.done(mine);
    this.#intake.acked(mine);
    // Where this fails, they are done here all the same, and Kafka is told with the next ones.
    if (mine.length > 0) await this.#commit();
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    if (delayMs > MAX_NACK_DELAY_MS) throw new QueueError('unsupported', 'delayMs of a nack: at most a day');
    const mine = this.#intake.held(messages);
    if (mine.length > 0) await this.#intake.nacked(mine, delayMs);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(): Promise<Health> {
    const asked = this.#publisher.call((producer) =>
      producer.metadata({ topics: [this.#config.topic], forceUpdate: true, retries: 0 }),
    );
    return healthOf(asked, 'Kafka');
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#watch) clearInterval(this.#watch);
    await this.#intake.close();
    await within(CLOSE_MS, this.#commit(), 'no answer').catch(() => {});
    await Promise.all([this.#publisher.close(), this.#reader.close()]);
  }

  #upstream(): Upstream<KafkaMessage> {
    const again = (messages: readonly KafkaMessage[]) => {
      for (const message of messages) this.#intake.add({ ...message, deliveryCount: message.deliveryCount + 1 });
    };
    return {
      fetch: (room, waitMs, signal) => this.#fetch(room, waitMs, signal),
      // The client keeps its partitions, with all in them.
      extend: async () => {},
      giveBack: async ({ taken, untaken }) => {
        if (this.#isClosing) return;
        this.#partitions.giveBack(untaken);
        again(taken);
      },
      again: async (messages) => again(messages),
    };
  }

  async #fetch(room: number, waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isClosing) throw new QueueError('unreachable', 'the queue is closed');
    const ms = waitMs > 0 ? waitMs : NO_WAIT_MS;
    // What waits for its turn here is enough.
    if (this.#intake.untaken >= MAX_UNTAKEN) return this.#intake.arrival(ms, signal);
    if (this.#handOn(room)) return;
    this.#reading ??= this.#read(Math.min(ms, POLL_MS)).finally(() => {
      this.#reading = null;
    });
    this.#reading.catch(() => {});
    await Promise.race([this.#reading, this.#intake.arrival(ms, signal)]);
    if (!this.#isClosing) this.#handOn(room);
  }

  #handOn(room: number): boolean {
    const taken = this.#partitions.take(room);
    for (const message of taken) this.#intake.add(message);
    return taken.length > 0;
  }

  async #read(ms: number): Promise<void> {
    const current = this.#reader.get();
    const reader = await current;
    try {
      await reader.join();
      // What could not be told when it was acked.
      this.#commit().catch(() => {});
      const positions = this.#partitions.positions();
      await (positions.size > 0 ? reader.poll(positions, ms) : pause(ms));
    } catch (error) {
      const known = kafkaError(error);
      if (known.code !== 'no_such_queue' || this.#isClosing) throw known;
      // Deleted, and perhaps made anew since: nothing of it counts any longer.
      this.#forgetAll();
      await this.#reader.drop(current);
      if (!this.#config.create) throw known;
    }
  }

  #openReader(): Promise<KafkaReader> {
    return KafkaReader.open(this.#config, {
      assigned: (partitions) => this.#intake.forget(this.#partitions.assign(partitions)),
      fetched: (partition, from, batches) => this.#partitions.fetched(partition, from, batches),
      outOfRange: (partition, range) => this.#intake.forget(this.#partitions.restart(partition, range)),
    });
  }

  /** A topic that was deleted is made again. */
  async #publish(batch: Parameters<typeof publishBatch>[2]): Promise<void> {
    const { topic, create } = this.#config;
    for (let isFirst = true; ; isFirst = false) {
      const current = this.#publisher.get();
      try {
        return await this.#publisher.call((producer) => publishBatch(producer, topic, batch));
      } catch (error) {
        const isGone = error instanceof QueueError && error.code === 'no_such_queue';
        if (!isGone || !create || !isFirst) throw error;
        await this.#publisher.drop(current);
      }
    }
  }

  /** Tells Kafka below what all is done. Those who ask while it is being told share the next time. */
  #commit(): Promise<void> {
    const running = this.#committing;
    if (!running) {
      this.#committing = this.#commitOnce().finally(() => {
        this.#committing = null;
      });
      return this.#committing;
    }
    this.#nextCommit ??= running
      .catch(() => {})
      .then(() => {
        this.#nextCommit = null;
        return this.#commit();
      });
    return this.#nextCommit;
  }

  async #commitOnce(): Promise<void> {
    const offsets = this.#partitions.committable();
    if (offsets.size === 0) return;
    await this.#reader.call(async (reader) => {
      // Later, once it is known whose they are.
      if (!reader.isSettled) return;
      try {
        await reader.commit(offsets);
      } catch (error) {
        if (isNamed(error, TRANSIENT)) return;
        throw error;
      }
      this.#partitions.committed(offsets);
    });
  }

  /** Others may have the partitions of one that asks for nothing. */
  #leaveIfIdle(): void {
    const isAsked = this.#receivers > 0 || performance.now() - this.#lastReceive < this.#config.sessionMs;
    if (isAsked || !this.#intake.ids().next().done || this.#committing) return;
    if (this.#partitions.committable().size > 0) return void this.#commit().catch(() => {});
    if (this.#watch) clearInterval(this.#watch);
    this.#watch = null;
    this.#forgetAll();
    void this.#reader.drop(this.#reader.get());
  }

  #forgetAll(): void {
    this.#partitions.clear();
    this.#intake.forget(() => true);
  }
}
