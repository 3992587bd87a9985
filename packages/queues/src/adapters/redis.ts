import { randomUUID } from 'node:crypto';
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
import { evaluate, type RedisClientConfig, type RedisConnection, type Reply, redisEnds } from './redis-client.ts';
import { ACK, AGAIN, EXTEND, GIVE_BACK, MAY_PUBLISH, PUBLISH, RECALL, type Script, TAKE } from './redis-scripts.ts';
import { compareIds, fieldsOf, messageOf } from './redis-stream.ts';

export interface RedisQueueConfig extends RedisClientConfig {
  /** The key of the stream. The keys of what is delayed and of dedupe ids begin with `{queue}:`. */
  readonly queue: string;
  /** The consumer group; `postrider` unless told. One per stream: what is acked is deleted. */
  readonly group?: string;
  /** Of this receiver alone. Told, it finds what it had in hand when it is started again; else after the lease. */
  readonly consumer?: string;
  /** False: the stream and its group have to be there; `receiver`: the stream has to, its group is made. */
  readonly create?: boolean | 'receiver';
  /** What a receiver that vanished had in hand comes again after so long; 60 unless told, at least 3. */
  readonly leaseSeconds?: number;
  /** A message is in hand for no longer; 900 unless told. */
  readonly maxInHandSeconds?: number;
  /** Dedupe ids are remembered for so long; a day unless told. */
  readonly dedupeSeconds?: number;
}

/** Redis itself takes 512 MB, and has it all in memory. */
const TRAITS: Traits = { delays: true, dedupes: true, tellsRedelivery: true, maxBytes: 16 * 1024 * 1024 };
/** Published in one go, at most: Redis does nothing else meanwhile. */
const BATCH = { messages: 100, bytes: 1024 * 1024 };
/** Between two looks for delayed messages and for what others left. */
const LOOK_MS = 1_000;
/** A delay after a nack is waited out here, the message leased all the while. */
const MAX_NACK_DELAY_MS = 24 * 3_600_000;

/**
 * A stream of Redis (6.2 or later) with a consumer group. As durable as Redis is told to be: `appendonly yes` and
 * `appendfsync always`. Not for Redis Cluster or Sentinel.
 *
 * - An entry has the fields `body`, `group` and `header:<name>`, and is deleted once acked.
 * - Order within a group holds with one receiver: what is behind a message of its group is held back in it. Several share
 *   the work without that order. A delayed message takes its place in its group when its delay ends.
 * - The delivery count is the server's.
 */
export class RedisQueue implements QueuePort {
  readonly traits = TRAITS;
  readonly #config: Required<Omit<RedisQueueConfig, keyof RedisClientConfig>>;
  readonly #main: Link<RedisConnection>;
  /** One that waits for entries can do nothing else. */
  readonly #reader: Link<RedisConnection>;
  readonly #intake: Intake<IncomingMessage>;
  #ready: Promise<void> | null = null;
  /** An answer may have been lost on its way; `restart`: with the process before this one. */
  #missed: 'restart' | 'answer' | null;
  #cursor = '0-0';
  #nextLook = 0;

  constructor(config: RedisQueueConfig) {
    if (!config.queue) throw new QueueError('misconfigured', 'queue: the key of a stream');
    if (config.leaseSeconds !== undefined && config.leaseSeconds < 3) {
      throw new QueueError('misconfigured', 'leaseSeconds: at least 3');
    }
    this.#config = {
      queue: config.queue,
      group: config.group ?? 'postrider',
      consumer: config.consumer ?? randomUUID(),
      create: config.create ?? true,
      leaseSeconds: Math.round(config.leaseSeconds ?? 60),
      maxInHandSeconds: config.maxInHandSeconds ?? 900,
      dedupeSeconds: Math.round(config.dedupeSeconds ?? 24 * 3_600),
    };
    this.#missed = config.consumer === undefined ? null : 'restart';
    this.#main = new Link(redisEnds(config, (broken) => void this.#main.drop(broken)));
    this.#reader = new Link(redisEnds(config, (broken) => void this.#reader.drop(broken)));
    this.#intake = new Intake(this.#upstream(), {
      leaseMs: this.#config.leaseSeconds * 1_000,
      maxInHandMs: this.#config.maxInHandSeconds * 1_000,
      compare: (a, b) => compareIds(a.id, b.id),
    });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const all = messages.map((message) => ({ message, ...fieldsOf(message, TRAITS.maxBytes) }));
    for (const batch of batches(all, BATCH)) {
      const { queue, dedupeSeconds, create } = this.#config;
      const keys = batch.map(({ message: { dedupeId } }) =>
        dedupeId === undefined ? queue : `{${queue}}:dedupe:${dedupeId}`,
      );
      const args = batch.flatMap(({ message: { dedupeId, delayMs = 0 }, fields }) => {
        const dedupes = dedupeId === undefined ? '0' : '1';
        return [String(delayMs), dedupes, delayMs > 0 ? randomUUID() : '', String(fields.length), ...fields];
      });
      await this.#main.call((connection) =>
        evaluate(
          connection,
          PUBLISH,
          [queue, this.#delayedKey, ...keys],
          [this.#config.group, String(dedupeSeconds * 1_000), create ? '1' : '0', ...args],
        ),
      );
    }
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#intake.receive(options);
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const mine = this.#intake.held(messages);
    if (mine.length === 0) return;
    try {
      await this.#run(ACK, idsOf(mine));
    } catch (error) {
      this.#intake.letGo(mine);
      throw error;
    }
    this.#intake.acked(mine);
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    if (delayMs > MAX_NACK_DELAY_MS) throw new QueueError('unsupported', 'delayMs of a nack: at most a day');
    const mine = this.#intake.held(messages);
    if (mine.length > 0) await this.#intake.nacked(mine, delayMs);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(of?: Use): Promise<Health> {
    const { queue, create } = this.#config;
    // What this consumer has in hand, which is a look at stream and group.
    if (of === 'receiving') return healthOf(this.#run(RECALL, ['0', '+']), 'Redis');
    const asked = this.#main.call((connection) =>
      of ? evaluate(connection, MAY_PUBLISH, [queue], [create ? '1' : '0']) : connection.send(['PING']),
    );
    return healthOf(asked, 'Redis');
  }

  async close(): Promise<void> {
    await this.#intake.close();
    await Promise.all([this.#main.close(), this.#reader.close()]);
  }

  #upstream(): Upstream<IncomingMessage> {
    return {
      fetch: async (room, waitMs) => {
        try {
          await this.#fetch(room, waitMs);
        } catch (error) {
          this.#missed ??= 'answer';
          throw error;
        }
      },
      extend: async (messages) => void (await this.#run(EXTEND, idsOf(messages))),
      giveBack: async ({ taken, untaken }) => {
        const flagged = [...taken.map(({ id }) => [id, '0']), ...untaken.map(({ id }) => [id, '1'])];
        await this.#run(GIVE_BACK, flagged.flat());
      },
      again: async (messages) => {
        const counts = new Map(pairs(await this.#run(AGAIN, idsOf(messages))));
        for (const message of messages) {
          const deliveryCount = counts.get(message.id);
          if (deliveryCount !== undefined) this.#intake.add({ ...message, deliveryCount });
        }
      },
    };
  }

  async #fetch(room: number, waitMs: number): Promise<void> {
    const until = performance.now() + waitMs;
    if (this.#missed) await this.#recall(this.#missed);
    const due = await this.#take(room);
    const left = Math.min(until - performance.now(), LOOK_MS, due ?? LOOK_MS);
    if (this.#intake.untaken > 0 || left <= 0) return;
    await this.#wait(room, Math.max(1, Math.floor(left)));
  }

  /** @returns in how many milliseconds a delay ends. */
  async #take(room: number): Promise<number | null> {
    const now = performance.now();
    const cursor = now >= this.#nextLook ? this.#cursor : '';
    const { leaseSeconds } = this.#config;
    const reply = await this.#run(
      TAKE,
      [String(room), String(leaseSeconds * 1_000), cursor],
      [this.#config.queue, this.#delayedKey],
    );
    const [entries, next, due] = Array.isArray(reply) ? reply : [];
    this.#add(entries);
    if (cursor !== '') {
      this.#cursor = String(next);
      if (this.#cursor === '0-0') this.#nextLook = now + LOOK_MS;
    }
    return typeof due === 'number' && due >= 0 ? due : null;
  }

  async #wait(room: number, blockMs: number): Promise<void> {
    const { group, consumer, queue } = this.#config;
    const command = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(room), 'BLOCK', String(blockMs)];
    const reply = await this.#reader.call((connection) => connection.send([...command, 'STREAMS', queue, '>']));
    const [stream] = Array.isArray(reply) ? reply : [];
    const entries = Array.isArray(stream) && Array.isArray(stream[1]) ? stream[1] : [];
    this.#add(entries.map((entry) => (Array.isArray(entry) ? [entry[0] ?? null, 1, entry[1] ?? null] : entry)));
  }

  async #recall(missed: 'restart' | 'answer'): Promise<void> {
    const anew = missed === 'restart' ? '1' : '0';
    for (let from = '-'; from !== ''; ) {
      const reply = await this.#run(RECALL, [anew, from, ...this.#intake.ids()]);
      const [entries, next] = Array.isArray(reply) ? reply : [];
      this.#add(entries);
      from = String(next ?? '');
    }
    this.#missed = null;
  }

  #add(entries: Reply | undefined): void {
    for (const entry of Array.isArray(entries) ? entries : []) {
      const message = messageOf(entry);
      if (message) this.#intake.add(message);
    }
  }

  get #delayedKey(): string {
    return `{${this.#config.queue}}:delayed`;
  }

  /** A script on the stream, for this group and consumer. A stream that was deleted under it is made again. */
  async #run(script: Script, args: readonly string[], keys: readonly string[] = [this.#config.queue]): Promise<Reply> {
    const { group, consumer, create } = this.#config;
    for (let isFirst = true; ; isFirst = false) {
      try {
        await this.#prepare();
        return await this.#main.call((connection) => evaluate(connection, script, keys, [group, consumer, ...args]));
      } catch (error) {
        if (!(error instanceof QueueError) || error.code !== 'no_such_queue' || !create || !isFirst) throw error;
        this.#ready = null;
      }
    }
  }

  /** Once; again after it failed. */
  #prepare(): Promise<void> {
    this.#ready ??= this.#makeGroup().catch((error: unknown) => {
      this.#ready = null;
      throw error;
    });
    return this.#ready;
  }

  async #makeGroup(): Promise<void> {
    const { queue, group, create } = this.#config;
    if (!create) return;
    const command = ['XGROUP', 'CREATE', queue, group, '0', ...(create === true ? ['MKSTREAM'] : [])];
    await this.#main
      .call((connection) => connection.send(command))
      .catch((error: unknown) => {
        if (!(error instanceof QueueError && error.message.startsWith('BUSYGROUP'))) throw error;
      });
  }
}

function idsOf(messages: readonly IncomingMessage[]): string[] {
  return messages.map(({ id }) => id);
}

/** Ids with their counts. */
function pairs(reply: Reply): [string, number][] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((pair) => (Array.isArray(pair) ? [[String(pair[0]), Number(pair[1])] as [string, number]] : []));
}
