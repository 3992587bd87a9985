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
import { callOptions, codeOf, GRPC, type PubSubClient, type PubSubClientConfig, pubsubEnds } from './pubsub-client.ts';
import { fromPubSub, MAX_MESSAGES, type PubSubMessage, toPubSub } from './pubsub-message.ts';
import { makeSure, mayPublish } from './pubsub-setup.ts';

export interface PubSubQueueConfig extends PubSubClientConfig {
  /** The id of the topic. */
  readonly queue: string;
  /** The id of the subscription; that of the topic unless told. */
  readonly subscription?: string;
  /** False: topic and subscription have to be there. */
  readonly create?: boolean;
  /** A message that is neither acked nor nacked nor extended comes again after so long; 60 unless told, 10 to 600. */
  readonly leaseSeconds?: number;
  /** A message is in hand for no longer; 900 unless told. */
  readonly maxInHandSeconds?: number;
}

/** The service takes 10 MB, with what is around it. */
const TRAITS: Traits = { delays: false, dedupes: false, tellsRedelivery: false, maxBytes: 10_000_000 };
/** Of one request; the service takes half a megabyte of them. */
const MAX_ACKS = 1_000;
/** A pull that nothing came for is asked anew after so long. */
const PULL_MS = 25_000;
/** The service keeps nothing back for longer. */
const MAX_NACK_DELAY_MS = 600_000;
/** Messages whose tries are remembered here. */
const MAX_COUNTED = 100_000;

/**
 * A topic of Google Cloud Pub/Sub with one subscription, pulled.
 *
 * - Order within a group is the service's, by ordering keys, with any number of receivers; what it gives of one group
 *   at once waits here, and what is nacked of it comes again from here. The subscription needs message ordering, and
 *   has it where it is made here.
 * - The service counts deliveries only where the subscription has a dead-letter policy, and nacks within a group never.
 *   Else they are counted here, for as long as this object is there: with another receiver, or after a restart, a
 *   message is at 1 again.
 * - Acks of a subscription without exactly-once delivery are not confirmed: a message may come again after one.
 * - No delays, no dedupe ids. A nack may have a delay of ten minutes at most, in whole seconds.
 */
export class PubSubQueue implements QueuePort {
  readonly traits = TRAITS;
  readonly #topic: string;
  readonly #subscription: string;
  readonly #create: boolean;
  readonly #leaseSeconds: number;
  readonly #link: Link<PubSubClient>;
  readonly #intake: Intake<PubSubMessage>;
  /** Of those in hand here or nacked here: how often. The oldest first. */
  readonly #times = new Map<string, number>();
  readonly #prepared = new WeakMap<PubSubClient, Promise<void>>();

  constructor(config: PubSubQueueConfig) {
    const { project, queue, subscription = queue, create = true, leaseSeconds = 60, maxInHandSeconds = 900 } = config;
    if (!/^[a-z0-9.:-]+$/.test(project)) throw new QueueError('misconfigured', 'project: the id of a project');
    for (const [field, id] of Object.entries({ queue, subscription })) {
      const isFit = /^[a-z][\w.~+%-]{2,254}$/i.test(id) && !/^goog/i.test(id);
      if (!isFit)
        throw new QueueError('misconfigured', `${field}: 3 to 255 letters, digits, - . _ ~ + %, a letter first`);
    }
    if (!(leaseSeconds >= 10 && leaseSeconds <= 600)) throw new QueueError('misconfigured', 'leaseSeconds: 10 to 600');
    this.#topic = `projects/${project}/topics/${queue}`;
    this.#subscription = `projects/${project}/subscriptions/${subscription}`;
    this.#create = create;
    this.#leaseSeconds = Math.round(leaseSeconds);
    this.#link = new Link(pubsubEnds(config, this.#subscription, (broken) => void this.#link.drop(broken)));
    this.#intake = new Intake(this.#upstream(), {
      leaseMs: this.#leaseSeconds * 1_000,
      maxInHandMs: maxInHandSeconds * 1_000,
    });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.some(({ delayMs = 0 }) => delayMs > 0)) {
      throw new QueueError('unsupported', 'delayMs: Pub/Sub has no delays');
    }
    const all = messages.map((message) => toPubSub(message, TRAITS.maxBytes));
    for (const batch of batches(all, { messages: MAX_MESSAGES, bytes: TRAITS.maxBytes })) {
      const request = { topic: this.#topic, messages: batch.map(({ message }) => message) };
      await this.#prepare(({ publisher }) => publisher.publish(request, callOptions()));
    }
  }

  async receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    const messages = await this.#intake.receive(options);
    for (const { id, deliveryCount } of messages) this.#count(id, deliveryCount);
    return messages;
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    await this.#settle(messages, async (mine) => {
      await this.#inParts(mine, ({ subscriber }, request) => subscriber.acknowledge(request, callOptions()));
      for (const { id } of mine) this.#times.delete(id);
      this.#intake.acked(mine);
    });
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    if (delayMs > MAX_NACK_DELAY_MS) throw new QueueError('unsupported', 'delayMs of a nack: at most 10 minutes');
    await this.#settle(messages, async (mine) => {
      // Given back, one of a group might not come before those that wait here behind it go back too, or come after others.
      const kept = mine.filter(({ group }) => group !== null);
      const returned = mine.filter(({ group }) => group === null);
      if (kept.length > 0) await this.#intake.nacked(kept, delayMs);
      await this.#keep(returned, Math.ceil(delayMs / 1_000));
      this.#intake.returned(returned, delayMs);
    });
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(of?: Use): Promise<Health> {
    const request = { subscription: this.#subscription };
    const asked =
      of === 'publishing'
        ? this.#link.call((client) => mayPublish(client, this.#topic))
        : this.#prepare(({ subscriber }) => subscriber.getSubscription(request, callOptions()));
    return healthOf(asked, 'Pub/Sub');
  }

  async close(): Promise<void> {
    await this.#intake.close();
    await this.#link.close();
  }

  #upstream(): Upstream<PubSubMessage> {
    return {
      fetch: (room, waitMs, signal) => this.#fetch(room, waitMs, signal),
      extend: async (messages) => {
        const leasedUntil = this.#leaseEnd();
        await this.#keep(messages, this.#leaseSeconds);
        for (const message of messages) message.leasedUntil = leasedUntil;
      },
      giveBack: ({ taken, untaken }) => this.#keep([...taken, ...untaken], 0),
      // Others are the service's to give again: they come through a pull.
      again: async (messages) => {
        for (const message of messages) {
          this.#intake.add({ ...message, deliveryCount: (this.#times.get(message.id) ?? 0) + 1 });
        }
      },
    };
  }

  /** The pull may outlast the wait of who asked: what it brings is taken by the next. */
  async #fetch(room: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const leasedUntil = this.#leaseEnd();
    const request = { subscription: this.#subscription, maxMessages: room, returnImmediately: waitMs === 0 };
    const options = { ...callOptions(PULL_MS), signal };
    const received = await this.#prepare(async ({ subscriber }) => {
      try {
        const [{ receivedMessages }] = await subscriber.pull(request, options);
        return receivedMessages ?? [];
      } catch (error) {
        if (signal.aborted || codeOf(error) === GRPC.DEADLINE_EXCEEDED) return [];
        throw error;
      }
    });
    for (const each of received) {
      this.#intake.add(fromPubSub(each, leasedUntil, (id) => this.#times.get(id) ?? 0));
    }
  }

  /** A message whose lease ended unextended here may be another's. */
  async #settle(
    messages: readonly IncomingMessage[],
    settle: (mine: readonly PubSubMessage[]) => Promise<void>,
  ): Promise<void> {
    const now = performance.now();
    const held = this.#intake.held(messages);
    const mine = held.filter(({ leasedUntil }) => leasedUntil > now);
    this.#intake.letGo(held.filter(({ leasedUntil }) => leasedUntil <= now));
    try {
      await settle(mine);
    } catch (error) {
      this.#intake.letGo(mine);
      throw error;
    }
  }

  /** The service gives them out again after so long; 0: now. */
  #keep(messages: readonly PubSubMessage[], ackDeadlineSeconds: number): Promise<void> {
    return this.#inParts(messages, ({ subscriber }, request) =>
      subscriber.modifyAckDeadline({ ...request, ackDeadlineSeconds }, callOptions()),
    );
  }

  async #inParts(
    messages: readonly PubSubMessage[],
    ask: (client: PubSubClient, request: { subscription: string; ackIds: string[] }) => Promise<unknown>,
  ): Promise<void> {
    for (let at = 0; at < messages.length; at += MAX_ACKS) {
      const ackIds = messages.slice(at, at + MAX_ACKS).map(({ ackId }) => ackId);
      await this.#link.call((client) => ask(client, { subscription: this.#subscription, ackIds }));
    }
  }

  /** With topic and subscription made sure of. Where they are gone after all, that is done once more. */
  async #prepare<R>(act: (client: PubSubClient) => Promise<R>): Promise<R> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await this.#link.call(async (client) => {
          if (this.#create) await this.#ready(client);
          return act(client);
        });
      } catch (error) {
        const isGone = error instanceof QueueError && error.code === 'no_such_queue';
        if (!isGone || !isFirst || !this.#create) throw error;
        this.#prepared.delete(await this.#link.get());
      }
    }
  }

  #ready(client: PubSubClient): Promise<void> {
    const known = this.#prepared.get(client);
    if (known) return known;
    const made = makeSure(client, {
      topic: this.#topic,
      subscription: this.#subscription,
      ackDeadlineSeconds: this.#leaseSeconds,
    });
    this.#prepared.set(client, made);
    made.catch(() => this.#prepared.delete(client));
    return made;
  }

  #leaseEnd(): number {
    return performance.now() + this.#leaseSeconds * 1_000;
  }

  #count(id: string, times: number): void {
    this.#times.delete(id);
    this.#times.set(id, times);
    for (const oldest of this.#times.keys()) {
      if (this.#times.size <= MAX_COUNTED) return;
      this.#times.delete(oldest);
    }
  }
}
