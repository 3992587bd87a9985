import {
  type ConsumeOptions,
  type Consumer,
  type Handler,
  type Health,
  type IncomingMessage,
  type OutgoingMessage,
  QueueError,
  type QueuePort,
  type Use,
} from '@postrider/queues';
import { EgressError } from '../egress/error-code.ts';
import type { SocketGuard } from '../egress/guarded-sockets.ts';
import { within } from '../within.ts';
import { storable } from './failure.ts';

/**
 * A queue of somebody else's, whose sockets are held to the address policy and whose errors show none of its secrets. All
 * rejects with an EgressError `egress_blocked` where the policy stands against it, else with a QueueError.
 */
export class GuardedQueue implements QueuePort {
  readonly #queue: QueuePort;
  readonly #guard: SocketGuard;
  readonly #secrets: readonly string[];

  constructor(queue: QueuePort, guard: SocketGuard, secrets: readonly string[]) {
    this.#queue = queue;
    this.#guard = guard;
    // As they are in URLs, too. What is shorter stands in every second word.
    const spelled = secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]);
    this.#secrets = spelled.filter(({ length }) => length > 2);
  }

  get traits() {
    return this.#queue.traits;
  }

  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    return this.#held(() => this.#queue.publish(messages));
  }

  receive(options: { max: number; waitMs: number }): Promise<IncomingMessage[]> {
    return this.#held(() => this.#queue.receive(options));
  }

  ack(messages: readonly IncomingMessage[]): Promise<void> {
    return this.#held(() => this.#queue.ack(messages));
  }

  nack(messages: readonly IncomingMessage[], options?: { delayMs?: number }): Promise<void> {
    return this.#held(() => this.#queue.nack(messages, options));
  }

  consume(handler: Handler, options: ConsumeOptions = {}): Consumer {
    const { onError } = options;
    const told = onError && { onError: (error: unknown) => onError(this.#explained(error)) };
    return this.#guard.run(() => this.#queue.consume(handler, { ...options, ...told }));
  }

  async health(of?: Use): Promise<Health> {
    const health = await this.#guard.run(() => this.#queue.health(of));
    return health.ok ? health : { ...health, reason: this.#scrubbed(health.reason) };
  }

  /** Why there is no connection, where the policy is why. */
  get refusal(): EgressError | null {
    return this.#guard.refusal;
  }

  /** Leaves no socket, even to a server that takes no leave. */
  async close(): Promise<void> {
    const closing = this.#guard.run(() => this.#queue.close());
    try {
      await within(CLOSE_MS, closing, () => {});
    } finally {
      this.#guard.destroySockets();
    }
  }

  async #held<R>(work: () => Promise<R>): Promise<R> {
    try {
      return await this.#guard.run(work);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): Error {
    // A call that joined another's connecting is not told what that one met.
    const isOfConnection = error instanceof QueueError && error.code === 'unreachable';
    const refusal = refusalIn(error) ?? (isOfConnection ? this.refusal : null);
    if (refusal) return new EgressError('egress_blocked', refusal.message);
    const code = error instanceof QueueError ? error.code : 'unreachable';
    // Without its cause, which may hold what a client was told.
    return new QueueError(code, this.#scrubbed(error instanceof Error ? error.message : String(error)));
  }

  #scrubbed(text: string): string {
    // First, or a secret with a NUL in it would be whole again after.
    const scrubbed = this.#secrets.reduce((text, secret) => text.replaceAll(secret, '••••••'), storable(text));
    // Once more, as a cut may halve a character.
    return storable(scrubbed.slice(0, MAX_MESSAGE));
  }
}

/** More than an adapter takes to say goodbye. */
const CLOSE_MS = 10_000;
/** What a server says of an error is its own, at any length. */
const MAX_MESSAGE = 500;

function refusalIn(error: unknown): EgressError | null {
  if (!(error instanceof Error)) return null;
  if (error instanceof EgressError) return error.code === 'egress_blocked' ? error : null;
  const within = error instanceof AggregateError ? error.errors : [];
  for (const each of [error.cause, ...within]) {
    const refusal = refusalIn(each);
    if (refusal) return refusal;
  }
  return null;
}
