import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionPool, Consumer, RecordsBatch } from '@platformatic/kafka';
import { QueueError } from '../error.ts';
import { clientOptions, isNamed, shutDown, watch } from './kafka-client.ts';
import { opened, type TopicConfig } from './kafka-topic.ts';

export interface ReaderConfig extends TopicConfig {
  readonly group: string;
  /** The group gives a member up that it has not heard of for so long. */
  readonly sessionMs: number;
  /** Where a group begins that has read nothing yet. */
  readonly start: 'earliest' | 'latest';
}

export interface ReaderEvents {
  /** These partitions are this member's and no others: by each where to begin, and what the group is done with. */
  assigned(partitions: ReadonlyMap<number, { readonly start: number; readonly committed: number | null }>): void;
  /** All that there is from one offset on, up to the end of the last batch. */
  fetched(partition: number, from: number, batches: readonly RecordsBatch[]): void;
  /** What was to be read next is not there: too old, or the topic is another. */
  outOfRange(partition: number, range: { readonly first: number; readonly end: number }): void;
}

/** While a server that has just started finds out who keeps the offsets. */
const SETTLE_MS = 15_000;
export const TRANSIENT = /^(COORDINATOR_|NOT_COORDINATOR|REBALANCE_IN_PROGRESS|UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION)/;
const FETCH_BYTES = { all: 4 * 1024 * 1024, partition: 1024 * 1024 };
const [EARLIEST, LATEST] = [-2n, -1n];
/** Kafka is not told of which leader a record was. */
const NO_EPOCH = -1;

/**
 * A member of a consumer group, reading one topic. It stays one over broken connections, so that nobody waits for the
 * ghost of it; the client beats for it.
 */
export class KafkaReader {
  /** False while the group shares out its partitions: nothing can be committed then. */
  isSettled = false;
  readonly #config: ReaderConfig;
  readonly #events: ReaderEvents;
  readonly #consumer: Consumer;
  /** A server answers one request of a connection after the other, and some of these wait. */
  readonly #fetches: ConnectionPool;
  readonly #polls = new Map<number, Promise<void>>();
  #joining: Promise<void> | null = null;
  #isInJoin = false;

  private constructor(config: ReaderConfig, events: ReaderEvents, consumer: Consumer, fetches: ConnectionPool) {
    this.#config = config;
    this.#events = events;
    this.#consumer = consumer;
    this.#fetches = fetches;
    consumer.topics.track(config.topic);
    consumer.on('consumer:group:rebalance', () => {
      this.isSettled = false;
    });
    consumer.on('consumer:group:join', () => {
      if (!this.#isInJoin) this.#joining = this.#settle().catch(() => this.#left());
    });
    // It could not join again by itself. Unheard, it would end the process.
    Object.assign(consumer).on('error', () => this.#left());
  }

  static async open(config: ReaderConfig, events: ReaderEvents): Promise<KafkaReader> {
    const kafka = await import('@platformatic/kafka');
    const options = { ...clientOptions(config), requestTimeout: config.sessionMs + 10_000 };
    const consumer = new kafka.Consumer({
      ...options,
      groupId: config.group,
      sessionTimeout: config.sessionMs,
      rebalanceTimeout: config.sessionMs,
      heartbeatInterval: Math.min(3_000, config.sessionMs / 3),
      // A partition stays where it is unless another receiver has fewer: what is in hand of one that moves comes twice.
      protocols: [{ name: 'cooperative-sticky', version: 3 }],
    });
    watch(consumer.connections);
    const fetches = new kafka.ConnectionPool('postrider', options);
    watch(fetches);
    const reader = new KafkaReader(config, events, consumer, fetches);
    await opened(consumer, () => reader.close(), config);
    return reader;
  }

  /** Resolves when it is a member and knows what is its own, which may take for as long as another member is silent. */
  join(): Promise<void> {
    this.#joining ??= this.#join().catch((error: unknown) => {
      this.#left();
      throw error;
    });
    return this.#joining;
  }

  /** Asks for what comes after these positions. Resolves with the first answer; one without anything takes `waitMs`. */
  async poll(positions: ReadonlyMap<number, number>, waitMs: number): Promise<void> {
    const { topic } = this.#config;
    const known = (await this.#consumer.metadata({ topics: [topic] })).topics.get(topic);
    if (!known) throw new QueueError('no_such_queue', `there is no topic ${topic}`);
    const byLeader = Map.groupBy(positions, ([partition]) => known.partitions[partition]?.leader ?? -1);
    for (const [node, wanted] of byLeader) {
      if (node < 0 || this.#polls.has(node)) continue;
      const poll = this.#poll(node, known.id, wanted, waitMs).finally(() => this.#polls.delete(node));
      poll.catch(() => {});
      this.#polls.set(node, poll);
    }
    await (this.#polls.size > 0 ? Promise.race(this.#polls.values()) : pause(waitMs));
  }

  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    const { topic } = this.#config;
    const all = [...offsets].map(([partition, offset]) => ({
      topic,
      partition,
      offset: BigInt(offset),
      leaderEpoch: NO_EPOCH,
    }));
    await this.#consumer.commit({ offsets: all });
  }

  /** Leaves the group. */
  async close(): Promise<void> {
    this.isSettled = false;
    await shutDown(this.#consumer.close(true), this.#consumer.connections, this.#fetches);
  }

  #left(): void {
    this.isSettled = false;
    this.#joining = null;
  }

  async #join(): Promise<void> {
    const until = performance.now() + SETTLE_MS;
    for (;;) {
      try {
        await this.#joinOnce();
        return await this.#settle();
      } catch (error) {
        if (!isNamed(error, TRANSIENT) || performance.now() > until) throw error;
        await pause(200);
      }
    }
  }

  async #joinOnce(): Promise<void> {
    if (this.#consumer.isActive()) return;
    this.#isInJoin = true;
    try {
      await this.#consumer.joinGroup({});
    } finally {
      this.#isInJoin = false;
    }
  }

  /** Asks how far the group has come with the partitions that are now its own. */
  async #settle(): Promise<void> {
    const { topic, start } = this.#config;
    const generation = this.#consumer.generationId;
    const partitions = this.#consumer.assignments?.find((each) => each.topic === topic)?.partitions ?? [];
    const committed = new Map<number, number | null>();
    if (partitions.length > 0) {
      const offsets = await this.#consumer.listCommittedOffsets({ topics: [{ topic, partitions }] });
      for (const partition of partitions) {
        const offset = Number(offsets.get(topic)?.[partition] ?? -1);
        committed.set(partition, offset >= 0 ? offset : null);
      }
    }
    const unread = partitions.filter((partition) => committed.get(partition) === null);
    const starts = await this.#ends(unread, start === 'latest' ? LATEST : EARLIEST);
    // Shared out anew meanwhile.
    if (generation !== this.#consumer.generationId) return this.#joining ?? undefined;
    const all = [...committed].map(([partition, offset]) => {
      return [partition, { start: offset ?? starts.get(partition) ?? 0, committed: offset }] as const;
    });
    this.#events.assigned(new Map(all));
    this.isSettled = true;
  }

  async #ends(partitions: number[], timestamp: bigint): Promise<Map<number, number>> {
    const { topic } = this.#config;
    if (partitions.length === 0) return new Map();
    const offsets = await this.#consumer.listOffsets({
      topics: [topic],
      partitions: { [topic]: partitions },
      timestamp,
    });
    return new Map(partitions.map((partition) => [partition, Number(offsets.get(topic)?.[partition] ?? 0)]));
  }

  async #poll(node: number, topicId: string, wanted: [number, number][], waitMs: number): Promise<void> {
    const partitions = wanted.map(([partition, position]) => ({
      partition,
      fetchOffset: BigInt(position),
      partitionMaxBytes: FETCH_BYTES.partition,
      currentLeaderEpoch: NO_EPOCH,
      lastFetchedEpoch: NO_EPOCH,
    }));
    try {
      const { responses } = await this.#consumer.fetch({
        node,
        topics: [{ topicId, partitions }],
        maxWaitTime: Math.round(waitMs),
        maxBytes: FETCH_BYTES.all,
        connectionPool: this.#fetches,
      });
      const positions = new Map(wanted);
      for (const { partitionIndex, records } of responses.flatMap((each) => each.partitions)) {
        const from = positions.get(partitionIndex);
        if (from !== undefined && records && records.length > 0) this.#events.fetched(partitionIndex, from, records);
      }
    } catch (error) {
      if (!isNamed(error, /^OFFSET_OUT_OF_RANGE$/)) throw error;
      const all = wanted.map(([partition]) => partition);
      const [firsts, ends] = await Promise.all([this.#ends(all, EARLIEST), this.#ends(all, LATEST)]);
      for (const [partition, position] of wanted) {
        const range = { first: firsts.get(partition) ?? 0, end: ends.get(partition) ?? 0 };
        if (position < range.first || position > range.end) this.#events.outOfRange(partition, range);
      }
    }
  }
}
