import type { ServiceBusMessage } from '@azure/service-bus';
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
import {
  type AzureClient,
  type AzureClientConfig,
  ask,
  azureEnds,
  maySend,
  RECEIVE_OPTIONS,
  Settlements,
  unlessBroken,
} from './azure-client.ts';
import { type AzureMessage, fromAzure, inOrder, toAzure } from './azure-message.ts';
import { AzureSessions, isLockLost } from './azure-sessions.ts';

export interface AzureQueueConfig extends AzureClientConfig {
  /** True: the queue requires sessions. */
  readonly sessions?: boolean;
  /** Of those, held at once; 64 unless told. More groups than that take turns. */
  readonly maxSessions?: number;
  /** The lock duration of the queue, or less; 30 unless told, 5 to 300. Locks are renewed three times in it. */
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
 * A queue of Azure Service Bus, or a topic with a subscription, with locks (peek-lock). It has to be there. The group
 * travels as the session id.
 *
 * - With sessions, order within a group is the service's, with any number of receivers: each holds the sessions that it
 *   reads, and what is held back in it goes to the next one uncounted.
 * - Without sessions, order within a group holds with one receiver: what is behind a message of its group is held back in
 *   it, locked, and counts as delivered when it goes back. The service stops giving to a receiver that has 2,047
 *   messages after one that is still in hand.
 * - The delivery count is the service's. When it reaches the queue's own limit, the service itself takes the message to the
 *   dead-letter queue; PoisonGuard is to come before that, and knows the place and the reason as with all brokers.
 * - Delays by the clock of this machine; a delay after a nack is waited out in the receiver, which keeps the lock.
 * - Dedupe ids go as message ids.
 */
export class AzureQueue implements QueuePort {
  readonly traits: Traits;
  readonly #link: Link<AzureClient>;
  readonly #intake: Intake<AzureMessage>;
  readonly #sessions: AzureSessions | null;
  readonly #settlements = new Settlements();

  constructor(config: AzureQueueConfig) {
    const { leaseSeconds = 30, maxInHandSeconds = 900, dedupes = false, maxBytes = MAX_BYTES } = config;
    const { sessions = false, maxSessions = 64 } = config;
    if (!(leaseSeconds >= 5 && leaseSeconds <= 300)) throw new QueueError('misconfigured', 'leaseSeconds: 5 to 300');
    if (!(maxSessions >= 1 && maxSessions <= 1_000)) throw new QueueError('misconfigured', 'maxSessions: 1 to 1000');
    // What a session that is released had in hand does not count as delivered.
    this.traits = { delays: true, dedupes, tellsRedelivery: !sessions, maxBytes };
    this.#link = new Link(azureEnds(config, (broken) => void this.#link.drop(broken)));
    const intake = new Intake(this.#upstream(), {
      leaseMs: leaseSeconds * 1_000,
      maxInHandMs: maxInHandSeconds * 1_000,
      compare: inOrder,
    });
    this.#intake = intake;
    this.#sessions = sessions
      ? new AzureSessions({
          max: maxSessions,
          accept: ({ client }) =>
            config.subscription === undefined
              ? client.acceptNextSession(config.queue, { ...RECEIVE_OPTIONS })
              : client.acceptNextSession(config.queue, config.subscription, { ...RECEIVE_OPTIONS }),
          add: (message) => intake.add(message),
          onLost: (session) => intake.forget((message) => message.session === session),
          onGone: (messages) => intake.acked(messages),
          arrival: (ms, ...signals) => intake.arrival(ms, ...signals),
        })
      : null;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const all = messages.map((message) => toAzure(message, this.traits.maxBytes, this.#sessions !== null));
    for (let at = 0; at < all.length; at += IN_FLIGHT) {
      // A batch is of one session.
      const batches = Map.groupBy(all.slice(at, at + IN_FLIGHT), ({ sessionId }) => sessionId);
      await this.#call((client) => Promise.all([...batches.values()].map((batch) => send(client, batch))));
    }
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#intake.receive(options);
  }

  async ack(messages: readonly IncomingMessage[]): Promise<void> {
    const mine = this.#intake.held(messages);
    try {
      const lost = await this.#unlessLost(mine, async (client, message) => {
        await this.#settlements.turn('complete');
        await receiverOf(client, message).completeMessage(message.received);
        this.#sessions?.done(message);
      });
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

  health(of?: Use): Promise<Health> {
    return healthOf(this.#call(of === 'publishing' ? maySend : ask), 'Service Bus');
  }

  async close(): Promise<void> {
    await this.#intake.close();
    this.#sessions?.close();
    await this.#link.close();
  }

  #upstream(): Upstream<AzureMessage> {
    return {
      fetch: (room, waitMs, signal) => this.#fetch(room, waitMs, signal),
      extend: async (messages) => {
        const sessions = this.#sessions;
        if (sessions) return this.#call(() => sessions.renew(messages));
        for (let at = 0; at < messages.length; at += RENEWALS) {
          const part = messages.slice(at, at + RENEWALS);
          await this.#unlessLost(part, ({ receiver }, { received }) => receiver.renewMessageLock(received));
        }
      },
      giveBack: async ({ taken, untaken }) => {
        for (const message of untaken) this.#sessions?.leave(message);
        await this.#abandon(this.#sessions ? taken : [...taken, ...untaken], false);
      },
      again: (messages) => this.#abandon(messages, true),
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
      await this.#call(async (client) => {
        if (this.#sessions) return this.#sessions.fetch(client, room, waitMs, signal);
        const messages = await client.receiver.receiveMessages(room, options);
        for (const message of messages) this.#intake.add(fromAzure(message, null));
      });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #abandon(messages: readonly AzureMessage[], isWanted: boolean): Promise<void> {
    await this.#unlessLost(messages, async (client, message) => {
      await this.#settlements.turn('abandon');
      await receiverOf(client, message).abandonMessage(message.received);
      this.#sessions?.again(message, isWanted);
    });
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
            if (!isLockLost(error)) throw error;
            if (message.session) this.#sessions?.lose(message.session);
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
        return unlessBroken(client, act(client));
      });
    } catch (error) {
      const isBroken = error instanceof QueueError && error.code === 'unreachable';
      for (const client of isBroken ? used : []) void this.#link.drop(client);
      throw error;
    }
  }
}

/** Whose link settles it. */
function receiverOf({ receiver }: AzureClient, { session }: AzureMessage) {
  return session?.receiver ?? receiver;
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
