import type { ServiceBusMessage } from '@azure/service-bus';
import { consume } from '../consume.ts';
import { QueueError } from '../error.ts';
import { Intake, type Upstream } from '../intake.ts';
import { Link, within } from '../link.ts';
import type { ConsumeOptions, Handler, Health, IncomingMessage, OutgoingMessage, QueuePort, Traits } from '../port.ts';
import { type AzureClient, type AzureClientConfig, azureEnds, codeOf } from './azure-client.ts';
import { type AzureMessage, fromAzure, toAzure } from './azure-message.ts';

export interface AzureQueueConfig extends AzureClientConfig {
  /** The lock duration of the queue, or less; 30 unless told. Locks are renewed three times in it. */
  readonly leaseSeconds?: number;
  /** A message is in hand for no longer; 900 unless told. */
  readonly maxInHandSeconds?: number;
  /** True: the queue detects duplicates. */
  readonly dedupes?: boolean;
  /** Largest message; 256,000 unless told, as the standard tier has it. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 256_000;
/** Sent in one call, at most. */
const IN_FLIGHT = 500;
/** How long the service is asked for messages, at least and at most. */
const PULL_MS = [1_000, 10_000] as const;
const NO_WAIT_MS = 250;
/** Once there is one, what is on its way is waited for so long. */
const MORE_MS = 10;
/** Asked for at once. */
const RENEWALS = 100;
/** A delay after a nack is waited out here. */
const MAX_NACK_DELAY_MS = 900_000;

/**
 * A queue of Azure Service Bus, with locks (peek-lock). It has to be there, and without sessions.
 *
 * - Order within a group holds with one receiver: what is behind a message of its group is held back in it, locked. The
 *   group travels as the session id, which such a queue stores and does not look at.
 * - The delivery count is the service's. What was held back counts as received when its receiver closes.
 * - The service stops giving to a receiver that has 2,047 messages after one that is still in hand.
 * - Delays by the clock of this machine; a delay after a nack is waited out in the receiver.
 * - Dedupe ids go as message ids.
 * - `lookup`: see the setting.
 */
export class AzureQueue implements QueuePort {
  readonly traits: Traits;
  readonly #link: Link<AzureClient>;
  readonly #intake: Intake<AzureMessage>;

  constructor(config: AzureQueueConfig) {
    const { leaseSeconds = 30, maxInHandSeconds = 900, dedupes = false, maxBytes = MAX_BYTES } = config;
    if (!(leaseSeconds >= 5 && leaseSeconds <= 300)) throw new QueueError('misconfigured', 'leaseSeconds: 5 to 300');
    this.traits = { delays: true, dedupes, maxBytes };
    this.#link = new Link(azureEnds(config));
    this.#intake = new Intake(this.#upstream(), {
      leaseMs: leaseSeconds * 1_000,
      maxInHandMs: maxInHandSeconds * 1_000,
      compare: (a, b) => Number(a.id) - Number(b.id),
    });
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const all = messages.map((message) => toAzure(message, this.traits.maxBytes));
    for (let at = 0; at < all.length; at += IN_FLIGHT) {
      await this.#call((client) => send(client, all.slice(at, at + IN_FLIGHT)));
    }
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#intake.receive(options);
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const mine = this.#intake.held(messages);
    try {
      const lost = await this.#unlessLost(mine, ({ receiver }, { received }) => receiver.completeMessage(received));
      this.#intake.letGo(lost);
      this.#intake.acked(mine.filter((message) => !lost.includes(message)));
    } catch (error) {
      this.#intake.letGo(mine);
      throw error;
    }
  }

  async nack(messages: readonly IncomingMessage[], { delayMs = 0 } = {}): Promise<void> {
    if (delayMs > MAX_NACK_DELAY_MS) throw new QueueError('unsupported', 'delayMs of a nack: at most 15 minutes');
    const mine = this.#intake.held(messages);
    if (mine.length > 0) await this.#intake.nacked(mine, delayMs);
  }

  consume(handler: Handler, options?: ConsumeOptions) {
    return consume(this, handler, options);
  }

  async health(): Promise<Health> {
    const asked = this.#call(({ receiver }) => receiver.peekMessages(1));
    try {
      await within(5_000, asked, 'no answer from Service Bus');
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : 'unknown' };
    }
  }

  async close(): Promise<void> {
    await this.#intake.close();
    await this.#link.close();
  }

  #upstream(): Upstream<AzureMessage> {
    return {
      fetch: (room, waitMs, signal) => this.#fetch(room, waitMs, signal),
      extend: async (messages) => {
        for (let at = 0; at < messages.length; at += RENEWALS) {
          const part = messages.slice(at, at + RENEWALS);
          await this.#unlessLost(part, ({ receiver }, { received }) => receiver.renewMessageLock(received));
        }
      },
      giveBack: ({ taken, untaken }) => this.#abandon([...taken, ...untaken]),
      again: (messages) => this.#abandon(messages),
    };
  }

  async #fetch(room: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const options = {
      maxWaitTimeInMs: waitMs === 0 ? NO_WAIT_MS : Math.min(Math.max(waitMs, PULL_MS[0]), PULL_MS[1]),
      // Not among the documented ones: it would wait for a second.
      maxTimeAfterFirstMessageInMs: MORE_MS,
      abortSignal: signal,
    };
    try {
      const messages = await this.#call(({ receiver }) => receiver.receiveMessages(room, options));
      for (const message of messages) this.#intake.add(fromAzure(message));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #abandon(messages: readonly AzureMessage[]): Promise<void> {
    await this.#unlessLost(messages, ({ receiver }, { received }) => receiver.abandonMessage(received));
  }

  /** @returns those whose lock had ended: they may be another's. */
  async #unlessLost(
    messages: readonly AzureMessage[],
    ask: (client: AzureClient, message: AzureMessage) => Promise<unknown>,
  ): Promise<AzureMessage[]> {
    if (messages.length === 0) return [];
    const lost: AzureMessage[] = [];
    await this.#call((client) =>
      Promise.all(
        messages.map(async (message) => {
          try {
            await ask(client, message);
          } catch (error) {
            if (!/^Message(LockLost|NotFound)$/.test(codeOf(error))) throw error;
            lost.push(message);
          }
        }),
      ),
    );
    return lost;
  }

  /** A connection that fails is given up. Locks outlive it: they are of the queue. */
  async #call<R>(act: (client: AzureClient) => Promise<R>): Promise<R> {
    const used: AzureClient[] = [];
    try {
      return await this.#link.call((client) => {
        used.push(client);
        return act(client);
      });
    } catch (error) {
      const isBroken = error instanceof QueueError && error.code === 'unreachable';
      for (const client of isBroken ? used : []) void this.#link.drop(client);
      throw error;
    }
  }
}

/** In as few batches as may be; one that fits into none goes alone, if the service takes it. */
async function send({ sender }: AzureClient, messages: readonly ServiceBusMessage[]): Promise<void> {
  let batch = await sender.createMessageBatch();
  for (const message of messages) {
    if (batch.tryAddMessage(message)) continue;
    if (batch.count > 0) await sender.sendMessages(batch);
    batch = await sender.createMessageBatch();
    if (!batch.tryAddMessage(message)) await sender.sendMessages(message);
  }
  if (batch.count > 0) await sender.sendMessages(batch);
}
