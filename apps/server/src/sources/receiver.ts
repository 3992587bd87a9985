import { setTimeout as pause } from 'node:timers/promises';
import { GroupCommit } from '../group-commit.ts';
import { within } from '../within.ts';

/** What is received of a message; the broker's own things are behind it. */
export interface Received {
  readonly id: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Of a queue, what a receiver needs (packages/queues). */
export interface Receivable<M extends Received> {
  receive(options: { readonly max: number; readonly waitMs: number }): Promise<M[]>;
  ack(messages: readonly M[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * What became of a message: `taken` for good, or one that had been taken before, or refused for what it is. It rejects
 * where something else is in the way than the message itself: then it is tried again.
 */
export type Take<M> = (message: M) => Promise<'taken' | 'repeated' | 'rejected'>;

/** Thrown by `take` where trying again at once is of no use: the source is left alone for so long. */
export class ComeLater extends Error {
  readonly pauseMs: number;

  constructor(message: string, pauseMs: number) {
    super(message);
    this.pauseMs = pauseMs;
  }
}

export interface ReceiverOptions<M extends Received> {
  readonly queue: Receivable<M>;
  readonly take: Take<M>;
  /** False once another may receive: what comes then is not taken. */
  readonly isOurs: () => boolean;
  /** In the words of brokers/failure.ts. */
  readonly explain: (error: unknown) => string;
}

/** Messages in hand, at most, and about how many bytes of them. */
const MAX_IN_HAND = 500;
const MAX_BYTES = 32 * 1024 * 1024;
/** What a message is taken for until larger ones have come: then so many are asked for as would fit. */
const LEAST_SIZE = 4_096;
/** Asked for when there is room for so many: to ask for one at a time would cost a round trip each. */
const LEAST_ROOM = 100;
/** One receive waits no longer, so that a stop is heard. */
const WAIT_MS = 1_000;
/** A message that is not taken through no fault of its own is tried again: doubled up to the second number. */
const AGAIN_MS = [100, 5_000] as const;
/** For so long; then all goes back to the broker for a while. */
const PATIENCE_MS = 60_000;
const REST_MS = 60_000;
/** After a broker could not be reached: doubled up to the second number. */
const BACKOFF_MS = [250, 15_000] as const;
/** A stop waits no longer for what is in hand; it comes again, and is known by then. */
const STOP_MS = 10_000;
/** Told in one go. */
const MAX_ACKS = 500;

/**
 * Receives from one queue and acks what was taken, in this order: after a crash in between, a message comes again.
 *
 *   receiving ──room, and nothing in the way──▶ receiving
 *       │  something in the way of a message that is not its fault
 *       ▼
 *   waiting: nothing more is received; what is in hand is kept, which costs no delivery, and tried again
 *       │  for a minute
 *       ▼
 *   ended: all goes back to the broker
 */
export class Receiver<M extends Received> {
  readonly #options: ReceiverOptions<M>;
  readonly #stopping = new AbortController();
  readonly #inHand = new Set<Promise<void>>();
  #bytes = 0;
  #expectedSize = LEAST_SIZE;
  readonly #acks: GroupCommit<M, void>;
  readonly #running: Promise<void>;
  #freed = Promise.withResolvers<void>();
  /** In hand, and something is in the way of them. */
  #inTrouble = 0;
  #received = 0;
  #lastReceivedAt: Date | null = null;
  #error: string | null | undefined;
  #lastError: string | null | undefined;
  /** How long nobody is to receive here; null while this one does. */
  #pauseMs: number | null = null;

  constructor(options: ReceiverOptions<M>) {
    this.#options = options;
    this.#acks = new GroupCommit<M, void>({
      flush: async (messages) => {
        await options.queue.ack(messages);
        return messages.map(() => undefined);
      },
      maxItems: MAX_ACKS,
      maxSize: MAX_ACKS,
      sizeOf: () => 1,
      isItemFault: () => false,
    });
    this.#running = this.#run();
  }

  /** It has ended by itself: for so long nobody is to receive there. */
  get endedFor(): number | null {
    return this.#pauseMs;
  }

  /** What there is to tell since it was told last. Error: null for none any more, undefined for as before. */
  news() {
    const news = { received: this.#received, lastReceivedAt: this.#lastReceivedAt, error: this.#error };
    this.#received = 0;
    this.#lastReceivedAt = null;
    this.#error = undefined;
    return news;
  }

  /** It could not be told after all. */
  untold({ received, lastReceivedAt, error }: ReturnType<Receiver<M>['news']>): void {
    this.#received += received;
    this.#lastReceivedAt ??= lastReceivedAt;
    this.#error = this.#error === undefined ? error : this.#error;
  }

  /** Receives nothing more; resolves when what was in hand is taken or the broker's again. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const ended = this.#running.then(() => Promise.all(this.#inHand));
    await within(STOP_MS, ended, () => {});
    await this.#options.queue.close().catch(() => {});
  }

  async #run(): Promise<void> {
    let backoff: number = BACKOFF_MS[0];
    while (!this.#stopping.signal.aborted && this.#options.isOurs()) {
      const room = this.#room();
      if (room === 0 || this.#inTrouble > 0) {
        await this.#freed.promise;
        continue;
      }
      try {
        const messages = await this.#options.queue.receive({ max: room, waitMs: WAIT_MS });
        // What ended it is still to be told.
        if (this.#inTrouble === 0 && !this.#stopping.signal.aborted) this.#note(null);
        for (const message of messages) this.#handle(message);
        backoff = BACKOFF_MS[0];
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#note(this.#options.explain(error));
        await this.#wait(backoff);
        backoff = Math.min(2 * backoff, BACKOFF_MS[1]);
      }
    }
  }

  /** How many may come; 0 until there is room for some. */
  #room(): number {
    const free = MAX_IN_HAND - this.#inHand.size;
    if (free < LEAST_ROOM || this.#bytes >= MAX_BYTES) return 0;
    return Math.min(free, Math.max(1, Math.floor((MAX_BYTES - this.#bytes) / this.#expectedSize)));
  }

  #handle(message: M): void {
    const size = message.body.length;
    this.#bytes += size;
    this.#expectedSize = Math.max(LEAST_SIZE, size, 0.99 * this.#expectedSize);
    const handling = this.#settle(message)
      // The ack did not arrive: it comes again, and is known by then.
      .catch(() => {})
      .finally(() => {
        this.#inHand.delete(handling);
        this.#bytes -= size;
        this.#wake();
      });
    this.#inHand.add(handling);
  }

  async #settle(message: M): Promise<void> {
    const outcome = await this.#taking(message);
    if (outcome === null) return;
    if (outcome === 'taken') this.#received++;
    this.#lastReceivedAt = new Date();
    await this.#acks.submit(message);
  }

  /** Null where it goes back to the broker. */
  async #taking(message: M): Promise<Awaited<ReturnType<Take<M>>> | null> {
    const until = performance.now() + PATIENCE_MS;
    let isInTrouble = false;
    try {
      for (let delay: number = AGAIN_MS[0]; ; delay = Math.min(2 * delay, AGAIN_MS[1])) {
        if (this.#stopping.signal.aborted || !this.#options.isOurs()) return null;
        try {
          return await this.#options.take(message);
        } catch (error) {
          if (!isInTrouble) this.#inTrouble++;
          isInTrouble = true;
          this.#note(this.#options.explain(error));
          const isOver = error instanceof ComeLater || performance.now() > until;
          if (isOver) this.#end(error instanceof ComeLater ? error.pauseMs : REST_MS);
          if (isOver) return null;
          await this.#wait(delay);
        }
      }
    } finally {
      if (isInTrouble) this.#inTrouble--;
    }
  }

  #end(pauseMs: number): void {
    this.#pauseMs ??= pauseMs;
    this.#stopping.abort();
    this.#wake();
  }

  #note(error: string | null): void {
    if (error === this.#lastError) return;
    this.#lastError = error;
    this.#error = error;
  }

  #wake(): void {
    this.#freed.resolve();
    this.#freed = Promise.withResolvers();
  }

  /** Ends early where this is to stop. */
  async #wait(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => {});
  }
}
