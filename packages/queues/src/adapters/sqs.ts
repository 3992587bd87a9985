import type { SQS } from '@aws-sdk/client-sqs';
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
import { failures, Gatherer, MAX_ENTRIES, NotOurs } from './sqs-batch.ts';
import { nameOf, type SqsClientConfig, sqsEnds } from './sqs-client.ts';
import { fromSqs, inSequence, type SqsMessage, toSqs } from './sqs-message.ts';

export interface SqsQueueConfig extends SqsClientConfig {
  /** Its name, or its URL. One whose name ends in `.fifo` keeps the order of groups and dedupes; another can delay. */
  readonly queue: string;
  /** False: the queue has to be there. With a URL it always has to. */
  readonly create?: boolean;
  /** What a receiver that vanished had in hand comes again after so long; 60 unless told, at least 3. */
  readonly leaseSeconds?: number;
  /** A message is in hand for no longer; 900 unless told. With the lease 12 hours at most. */
  readonly maxInHandSeconds?: number;
  /** Largest message with its headers; that of SQS is 1,048,576, and less where the queue says so. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 1024 * 1024;
/** After that SQS gives a message out again, whatever it is told. */
const MAX_LEASE_SECONDS = 12 * 3_600;
/** The longest poll. */
const POLL_SECONDS = 20;
/** Asked at once where there is much. */
const POLLS = 4;
/** An entry that SQS could not take is sent again so often, unless it is the entry's fault. */
const RESENDS = 2;
/** The longest that SQS keeps what nobody receives, and it throws it away then. */
const RETENTION_SECONDS = 14 * 24 * 3_600;
/** Messages whose count is not that of SQS, at most. */
const MAX_COUNTED = 10_000;

/**
 * A queue of Amazon SQS, or of what speaks like it.
 *
 * - A FIFO queue keeps the order within groups with any number of receivers, and drops what has a dedupe id that came
 *   in the five minutes before. A message without a group is given one of its own: in a common one they would wait for
 *   each other.
 * - Another queue keeps no order: of a group one at a time is in hand in each receiver, in the order in which SQS gives
 *   them. It can delay, for 15 minutes at most, in whole seconds.
 * - The delivery count is that of SQS. SQS gives several messages of a group at once, and what is nacked while others
 *   of its group wait here comes again from here: of such times another receiver knows nothing.
 * - A body that is no text which SQS takes goes in base64. More headers than SQS has attributes go as JSON in one.
 */
export class SqsQueue implements QueuePort {
  readonly traits: Traits;
  readonly #queue: string;
  readonly #isUrl: boolean;
  readonly #isFifo: boolean;
  readonly #create: boolean;
  readonly #leaseSeconds: number;
  readonly #maxNackDelayMs: number;
  readonly #link: Link<SQS>;
  readonly #intake: Intake<SqsMessage>;
  readonly #urls = new WeakMap<SQS, Promise<string>>();
  readonly #deletes = new Gatherer<SqsMessage>((messages) => this.#delete(messages));
  /** How much more often a message was in hand here than SQS says. The oldest first. */
  readonly #extra = new Map<string, number>();
  #isFull = false;

  constructor(config: SqsQueueConfig) {
    const { queue, create = true, leaseSeconds = 60, maxInHandSeconds = 900, maxBytes = MAX_BYTES } = config;
    const url = /^https?:/.test(queue) ? URL.parse(queue) : null;
    const name = url ? url.pathname.split('/').at(-1) : queue;
    if (!/^(?=.{1,80}$)[\w-]+(\.fifo)?$/.test(name ?? '')) {
      throw new QueueError('misconfigured', 'queue: a URL, or up to 80 letters, digits, - and _, and .fifo at its end');
    }
    if (!(leaseSeconds >= 3)) throw new QueueError('misconfigured', 'leaseSeconds: at least 3');
    if (!(maxInHandSeconds + leaseSeconds <= MAX_LEASE_SECONDS)) {
      throw new QueueError('misconfigured', 'maxInHandSeconds: with leaseSeconds 43200 at most');
    }
    this.#queue = queue;
    this.#isUrl = url !== null;
    this.#isFifo = name?.endsWith('.fifo') ?? false;
    this.#create = create && !url;
    this.#leaseSeconds = Math.round(leaseSeconds);
    this.#maxNackDelayMs = (MAX_LEASE_SECONDS - maxInHandSeconds - leaseSeconds) * 1_000;
    // A standard queue may give a message out twice, and calls its count approximate.
    this.traits = { delays: !this.#isFifo, dedupes: this.#isFifo, tellsRedelivery: this.#isFifo, maxBytes };
    this.#link = new Link(sqsEnds(config, url?.origin ?? null, (sqs, signal) => this.#ask(sqs, signal)));
    this.#intake = new Intake(this.#upstream(), {
      leaseMs: this.#leaseSeconds * 1_000,
      maxInHandMs: maxInHandSeconds * 1_000,
      compare: inSequence,
    });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const { maxBytes } = this.traits;
    const all = messages.map((message) => toSqs(message, this.#isFifo, maxBytes));
    for (const batch of batches(all, { messages: MAX_ENTRIES, bytes: maxBytes }))
      await this.#send(batch.map(({ entry }) => entry));
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#intake.receive(options);
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const mine = this.#ours(messages);
    const errors = await Promise.all(mine.map((message) => this.#deletes.add(message)));
    const acked = mine.filter((_, at) => !errors[at]);
    this.#intake.letGo(mine.filter((_, at) => errors[at]));
    this.#intake.acked(acked);
    for (const { id } of acked) this.#extra.delete(id);
    const error = errors.find((each) => each && !(each instanceof NotOurs));
    if (error) throw error;
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    if (delayMs > this.#maxNackDelayMs) {
      throw new QueueError('unsupported', `delayMs of a nack: ${this.#maxNackDelayMs} at most`);
    }
    const mine = this.#ours(messages);
    // Given back, it could not come before the others are: SQS gives nothing of a group of which something is in hand.
    const kept = this.#isFifo ? mine.filter((message) => this.#intake.isFollowed(message)) : [];
    const returned = mine.filter((message) => !kept.includes(message));
    // It may be here again before the answer is.
    this.#intake.returned(returned, delayMs);
    await Promise.all([
      kept.length > 0 ? this.#intake.nacked(kept, delayMs) : undefined,
      this.#lease(returned, Math.ceil(delayMs / 1_000)),
    ]);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  health(of?: Use): Promise<Health> {
    const asked =
      of === 'publishing'
        ? this.#mayPublish()
        : this.#on((sqs, QueueUrl) => sqs.getQueueAttributes({ QueueUrl, AttributeNames: ['QueueArn'] }));
    return healthOf(asked, 'SQS');
  }

  async close(): Promise<void> {
    await this.#intake.close();
    await this.#link.close();
  }

  #upstream(): Upstream<SqsMessage> {
    return {
      fetch: (room, waitMs, signal) => this.#fetch(room, waitMs, signal),
      extend: (messages) => this.#lease(messages, this.#leaseSeconds),
      giveBack: async ({ taken, untaken }) => {
        for (const { id } of untaken) this.#count(id, -1);
        await this.#lease([...taken, ...untaken].sort(inSequence), 0);
      },
      again: async (messages) => {
        for (const message of messages) {
          this.#count(message.id, 1);
          this.#intake.add({ ...message, deliveryCount: message.deliveryCount + 1 });
        }
      },
    };
  }

  /** The poll may outlast the wait of who asked: what it brings is taken by the next. */
  async #fetch(room: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const longest = Math.min(POLL_SECONDS, Math.floor(this.#leaseSeconds / 3));
    const seconds = Math.min(longest, Math.ceil(waitMs / 1_000));
    const polls = this.#isFull ? Math.min(POLLS, Math.ceil(room / MAX_ENTRIES)) : 1;
    const counts = await this.#on((sqs, url) =>
      Promise.all(
        Array.from({ length: polls }, (_, at) => {
          const max = Math.min(MAX_ENTRIES, room - at * MAX_ENTRIES);
          return this.#poll(sqs, url, max, at === 0 ? seconds : 0, signal);
        }),
      ),
    );
    this.#isFull = counts.every((count) => count === MAX_ENTRIES);
  }

  async #poll(sqs: SQS, QueueUrl: string, max: number, seconds: number, signal: AbortSignal): Promise<number> {
    // Those that come late in the poll have more time than is thought here.
    const leasedUntil = this.#leaseEnd(this.#leaseSeconds);
    const request = {
      QueueUrl,
      MaxNumberOfMessages: max,
      WaitTimeSeconds: seconds,
      VisibilityTimeout: this.#leaseSeconds,
      MessageSystemAttributeNames: [
        'ApproximateReceiveCount' as const,
        'MessageGroupId' as const,
        'SequenceNumber' as const,
      ],
      MessageAttributeNames: ['All'],
    };
    try {
      const { Messages = [] } = await sqs.receiveMessage(request, { abortSignal: signal });
      for (const each of Messages) {
        this.#intake.add(fromSqs(each, leasedUntil, (id) => this.#extra.get(id) ?? 0));
      }
      return Messages.length;
    } catch (error) {
      if (signal.aborted) return 0;
      throw error;
    }
  }

  /** In hand here, and not given to another meanwhile. */
  #ours(messages: readonly IncomingMessage[]): SqsMessage[] {
    const now = performance.now();
    const held = this.#intake.held(messages);
    this.#intake.letGo(held.filter(({ leasedUntil }) => leasedUntil <= now));
    return held.filter(({ leasedUntil }) => leasedUntil > now);
  }

  /** What SQS could not take is sent again; the others of the request have gone. */
  async #send(entries: readonly ReturnType<typeof toSqs>['entry'][]): Promise<void> {
    for (let left = entries, resends = 0; ; resends++) {
      const Entries = left.map((entry, at) => ({ ...entry, Id: String(at) }));
      const { Failed } = await this.#on((sqs, QueueUrl) => sqs.sendMessageBatch({ QueueUrl, Entries }));
      const errors = failures(Failed);
      const [error] = errors.values();
      if (!error) return;
      if (resends === RESENDS || [...errors.values()].some(({ code }) => code !== 'unreachable')) throw error;
      left = left.filter((_, at) => errors.has(at));
    }
  }

  async #delete(messages: readonly SqsMessage[]): Promise<readonly (QueueError | null)[]> {
    const Entries = messages.map(({ receipt }, at) => ({ Id: String(at), ReceiptHandle: receipt }));
    const { Failed } = await this.#on((sqs, QueueUrl) => sqs.deleteMessageBatch({ QueueUrl, Entries }));
    const errors = failures(Failed);
    return messages.map((_, at) => errors.get(at) ?? null);
  }

  /** SQS gives them out again after so long; 0: now. In their order. @throws QueueError */
  async #lease(messages: readonly SqsMessage[], VisibilityTimeout: number): Promise<void> {
    let failed: QueueError | null = null;
    for (let at = 0; at < messages.length; at += MAX_ENTRIES) {
      const batch = messages.slice(at, at + MAX_ENTRIES);
      const leasedUntil = this.#leaseEnd(VisibilityTimeout);
      const Entries = batch.map(({ receipt }, n) => ({ Id: String(n), ReceiptHandle: receipt, VisibilityTimeout }));
      const { Failed } = await this.#on((sqs, QueueUrl) => sqs.changeMessageVisibilityBatch({ QueueUrl, Entries }));
      const errors = failures(Failed);
      for (const [n, message] of batch.entries()) if (!errors.has(n)) message.leasedUntil = leasedUntil;
      failed ??= [...errors.values()].find((error) => !(error instanceof NotOurs)) ?? null;
    }
    if (failed) throw failed;
  }

  /** Sends nothing at all, which is refused after it is seen who asks and for what. */
  async #mayPublish(): Promise<void> {
    try {
      await this.#on((sqs, QueueUrl) => sqs.sendMessageBatch({ QueueUrl, Entries: [] }));
    } catch (error) {
      if (!(error instanceof QueueError && error.code === 'rejected')) throw error;
    }
  }

  /** With the queue made sure of. Where it is gone after all, that is done once more. */
  async #on<R>(act: (sqs: SQS, url: string) => Promise<R>): Promise<R> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await this.#link.call(async (sqs) => act(sqs, await this.#url(sqs)));
      } catch (error) {
        const isGone = error instanceof QueueError && error.code === 'no_such_queue';
        if (!isGone || !isFirst || !this.#create) throw error;
        this.#urls.delete(await this.#link.get());
      }
    }
  }

  #url(sqs: SQS): Promise<string> {
    const known = this.#urls.get(sqs);
    if (known) return known;
    const found = this.#isUrl ? Promise.resolve(this.#queue) : this.#find(sqs);
    this.#urls.set(sqs, found);
    found.catch(() => this.#urls.delete(sqs));
    return found;
  }

  async #find(sqs: SQS): Promise<string> {
    const url = await sqs.getQueueUrl({ QueueName: this.#queue }).catch((error: unknown) => {
      if (!this.#create || !/QueueDoesNotExist|NonExistentQueue/.test(nameOf(error))) throw error;
      const Attributes = {
        ...(this.#isFifo && { FifoQueue: 'true' }),
        MessageRetentionPeriod: String(RETENTION_SECONDS),
      };
      return sqs.createQueue({ QueueName: this.#queue, Attributes });
    });
    return url.QueueUrl ?? '';
  }

  #ask(sqs: SQS, abortSignal: AbortSignal): Promise<unknown> {
    if (!this.#isUrl) return sqs.getQueueUrl({ QueueName: this.#queue }, { abortSignal });
    return sqs.getQueueAttributes({ QueueUrl: this.#queue, AttributeNames: ['QueueArn'] }, { abortSignal });
  }

  #leaseEnd(seconds: number): number {
    return performance.now() + seconds * 1_000;
  }

  #count(id: string, more: number): void {
    const times = (this.#extra.get(id) ?? 0) + more;
    this.#extra.delete(id);
    this.#extra.set(id, times);
    for (const oldest of this.#extra.keys()) {
      if (this.#extra.size <= MAX_COUNTED) return;
      this.#extra.delete(oldest);
    }
  }
}
