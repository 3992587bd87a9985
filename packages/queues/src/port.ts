import type { QueueErrorCode } from './error.ts';

/** A message on its way to a broker. */
export interface OutgoingMessage {
  readonly body: string | Uint8Array;
  /** Messages of one group are received in the order they were published, one at a time; null or absent: no order. */
  readonly group?: string | null;
  /** Names of letters, digits, `-` and `_` in lower case; values of printable characters. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A second message with the same id is dropped, for as long as the broker remembers. Ignored where `dedupes` is false. */
  readonly dedupeId?: string;
  /** Not to be received before so many milliseconds. Refused (`unsupported`) where `delays` is false. */
  readonly delayMs?: number;
}

/** A message in hand: it is the broker's until it is acked, and comes again where it is nacked or forgotten. */
export interface IncomingMessage {
  /** The broker's own name for it; the same each time it comes. */
  readonly id: string;
  readonly body: Buffer;
  readonly group: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** 1 the first time it is received, 2 after a nack, … */
  readonly deliveryCount: number;
}

/** What a kind of broker can do besides what all can. */
export interface Traits {
  readonly delays: boolean;
  readonly dedupes: boolean;
  /** `deliveryCount` is above 1 wherever any receiver had the message before; else this receiver's own count. */
  readonly tellsRedelivery: boolean;
  /** Largest message with its headers, bytes. */
  readonly maxBytes: number;
}

export type Health =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: QueueErrorCode; readonly reason: string };

/** What a queue is wanted for. */
export type Use = 'publishing' | 'receiving';

/** Called for each message; acked when it resolves, nacked when it rejects. */
export type Handler = (message: IncomingMessage) => Promise<void>;

export interface Consumer {
  /** Takes nothing more; resolves when what is in hand is done. */
  stop(): Promise<void>;
}

/**
 * A queue of a broker. Made without a connection; each call connects where there is none, so that a broker which was
 * away is used again as soon as it is back. Every call rejects with a QueueError.
 */
export interface QueuePort {
  readonly traits: Traits;
  /** Resolves when the broker has them all, durably where its queue is. Some may have gone where it rejects. */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  /** Up to `max` messages, as soon as there is one; none where nothing came within `waitMs`. */
  receive(options: { readonly max: number; readonly waitMs: number }): Promise<IncomingMessage[]>;
  /** Done with them. What another took over meanwhile is left to it. */
  ack(messages: readonly IncomingMessage[]): Promise<void>;
  /** To be received again, not before `delayMs`; what follows it in its group waits behind it. */
  nack(messages: readonly IncomingMessage[], options?: { readonly delayMs?: number }): Promise<void>;
  /** Receives and acks by itself, up to `concurrency` messages at once. */
  consume(handler: Handler, options?: ConsumeOptions): Consumer;
  /**
   * Asks the broker, within 5 s. Never rejects.
   *
   * @param of `publishing`: all that publishing needs and nothing that only receiving does, as far as a broker tells
   * without a message: server, user, queue, what the user may do. `receiving`: the same for receiving.
   */
  health(of?: Use): Promise<Health>;
  /** Lets go of the connection; what is in hand goes back. */
  close(): Promise<void>;
}

export interface ConsumeOptions {
  /** Messages in hand at once, 1 to 1,000; 16 unless told. */
  readonly concurrency?: number;
  /** How long a message whose handler failed is kept back, milliseconds; 0 unless told. */
  readonly retryDelayMs?: number;
  /** Hears of a handler that failed, and of a broker that cannot be reached. */
  readonly onError?: (error: unknown) => void;
}
