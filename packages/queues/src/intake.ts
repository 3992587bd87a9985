import { GroupGate } from './group-gate.ts';
import { closed, within } from './link.ts';
import type { IncomingMessage } from './port.ts';

/** The side of an adapter that talks to the broker. */
export interface Upstream<M> {
  /**
   * Asks for up to `room` more and waits for it no longer than `waitMs`, nor once `signal` says that nobody wants it;
   * what comes is handed to `add`. Resolves when it is worth asking again.
   */
  fetch(room: number, waitMs: number, signal: AbortSignal): Promise<void>;
  /** They are still worked on: the broker is to wait longer. */
  extend(messages: readonly M[]): Promise<void>;
  /** They may go to anybody. `untaken` were never in hand here. */
  giveBack(messages: { readonly taken: readonly M[]; readonly untaken: readonly M[] }): Promise<void>;
  /** Nacked, and the delay is over: to be received again, here if that can be. */
  again(messages: readonly M[]): Promise<void>;
}

export interface IntakeOptions<M> {
  /** How long the broker waits for a message that is not extended, milliseconds. */
  readonly leaseMs: number;
  /** A message is in hand for no longer: then the broker gives it out again. */
  readonly maxInHandMs: number;
  /** The broker's own order, where its messages tell. */
  readonly compare?: (a: M, b: M) => number;
  readonly now?: () => number;
}

/** Received ahead of their turn and not taken, at most. */
const MAX_UNTAKEN = 1_000;
/** How long a group waits for a nacked message which may have gone to another receiver, after its delay. */
const PATIENCE_MS = 30_000;
/** A broker that does not answer keeps nobody from closing. */
const CLOSE_MS = 3_000;

/**
 * What an adapter has received: behind the gate, in hand, or nacked and waiting out its delay. Keeps all of it alive at
 * the broker, with limits: what is in hand too long goes back, and so does what was received and nobody asks for.
 */
export class Intake<M extends IncomingMessage> {
  readonly #upstream: Upstream<M>;
  readonly #options: IntakeOptions<M>;
  readonly #now: () => number;
  readonly #gate: GroupGate<M>;
  readonly #inHand = new Map<string, { readonly message: M; readonly since: number; isLetGo: boolean }>();
  readonly #delayed = new Map<string, { readonly message: M; readonly timer: NodeJS.Timeout | null }>();
  readonly #changes = new EventTarget();
  readonly #closing = new AbortController();
  #fetching: Promise<void> | null = null;
  #receivers = 0;
  #lastReceive = 0;
  #ticker: NodeJS.Timeout | null = null;

  constructor(upstream: Upstream<M>, options: IntakeOptions<M>) {
    this.#upstream = upstream;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#gate = new GroupGate(options.compare);
  }

  add(message: M): void {
    // Given out again while it is in hand: the lease had ended, and what is in hand counts no longer.
    this.#inHand.delete(message.id);
    this.#delayed.delete(message.id);
    this.#gate.add(message);
    this.#ticker ??= setInterval(() => void this.tick(), this.#options.leaseMs / 3).unref();
    this.#changed();
  }

  /** @throws what `fetch` throws; QueueError where this is closed, or being closed. */
  async receive({ max, waitMs }: { max: number; waitMs: number }): Promise<M[]> {
    const until = this.#now() + waitMs;
    this.#receivers++;
    try {
      for (let isFirst = true; ; isFirst = false) {
        // A fetch ends at once then: waiting for something would take all the time there is.
        if (this.#closing.signal.aborted) throw closed();
        const taken = this.#take(max);
        const left = until - this.#now();
        if (taken.length > 0 || (left <= 0 && !isFirst)) return taken;
        await this.#more(max, Math.max(0, left));
      }
    } finally {
      this.#receivers--;
      this.#lastReceive = this.#now();
    }
  }

  /** Received and not taken. */
  get untaken(): number {
    return this.#gate.untaken;
  }

  /** Whether others of its group wait here behind it. */
  isFollowed(message: M): boolean {
    return this.#gate.isFollowed(message);
  }

  /** Resolves when something came, or a group goes on, or after so long, or when one of the signals says so. */
  arrival(ms: number, ...signals: AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#changes.removeEventListener('change', done);
        for (const signal of signals) signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#changes.addEventListener('change', done);
      for (const signal of signals) {
        signal.addEventListener('abort', done);
        if (signal.aborted) done();
      }
    });
  }

  /** Those of them that are in hand, as they were given out last. */
  held(messages: readonly IncomingMessage[]): M[] {
    return messages.flatMap(({ id, deliveryCount }) => {
      const entry = this.#inHand.get(id);
      return entry && entry.message.deliveryCount === deliveryCount ? [entry.message] : [];
    });
  }

  /** Everything that is here, by id. */
  *ids(): Generator<string> {
    yield* this.#inHand.keys();
    yield* this.#delayed.keys();
    for (const { id } of this.#gate.waiting()) yield id;
  }

  /** The broker has forgotten them. */
  acked(messages: readonly M[]): void {
    for (const message of messages) {
      this.#inHand.delete(message.id);
      this.#gate.ack(message);
    }
    this.#changed();
  }

  /** The broker could not be told what became of them: it gives them out again once it has waited long enough. */
  letGo(messages: readonly M[]): void {
    const until = this.#now() + this.#options.leaseMs + PATIENCE_MS;
    for (const message of messages) {
      const entry = this.#inHand.get(message.id);
      if (entry) entry.isLetGo = true;
      this.#gate.nack(message, until);
    }
  }

  /** Kept here until their delay is over, then asked for again. @throws what `again` throws, where there is no delay. */
  async nacked(messages: readonly M[], delayMs: number): Promise<void> {
    for (const message of messages) this.#nack(message, this.#now() + delayMs);
    const again = async () => {
      const due = messages.filter(({ id }) => this.#delayed.get(id)?.timer === timer);
      // Where this fails, its lease ends, and it comes as what was left by one who went away.
      await this.#upstream.again(due).finally(() => {
        for (const message of due) {
          // Unless it has come and been nacked once more.
          if (this.#delayed.get(message.id)?.message === message) this.#delayed.delete(message.id);
        }
      });
    };
    const timer = delayMs > 0 ? setTimeout(() => void again().catch(() => {}), delayMs) : null;
    for (const message of messages) this.#delayed.set(message.id, { message, timer });
    if (!timer) await again();
  }

  /** The broker itself gives them out again, after their delay. */
  returned(messages: readonly M[], delayMs: number): void {
    for (const message of messages) this.#nack(message, this.#now() + delayMs);
    this.#changed();
  }

  /** They are another's, or nobody's: what is said of them here counts no longer. */
  forget(isGone: (message: M) => boolean): void {
    for (const { message } of this.#inHand.values()) {
      if (!isGone(message)) continue;
      this.#inHand.delete(message.id);
      this.#gate.ack(message);
    }
    for (const { message, timer } of this.#delayed.values()) {
      if (!isGone(message)) continue;
      if (timer) clearTimeout(timer);
      this.#delayed.delete(message.id);
      this.#gate.ack(message);
    }
    for (const message of [...this.#gate.waiting()]) if (isGone(message)) this.#gate.remove(message);
    this.#changed();
  }

  /** Nothing received so far can be acked any longer. */
  clear(): void {
    for (const { timer } of this.#delayed.values()) if (timer) clearTimeout(timer);
    this.#delayed.clear();
    this.#inHand.clear();
    this.#gate.clear();
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    this.#closing.abort();
    // What it brings would be nobody's.
    if (this.#fetching) await soon(this.#fetching);
    if (this.#ticker) clearInterval(this.#ticker);
    const taken = this.#takenHere();
    const untaken = [...this.#gate.waiting()];
    this.clear();
    if (taken.length + untaken.length > 0) await soon(this.#upstream.giveBack({ taken, untaken }));
  }

  /** Three times in a lease. A broker that is away is noticed by the calls. */
  async tick(): Promise<void> {
    const { leaseMs, maxInHandMs } = this.#options;
    const now = this.#now();
    const tooLong = [...this.#inHand.values()].filter(({ since }) => now - since > maxInHandMs);
    for (const { message } of tooLong) this.#nack(message, now);
    const isIdle = this.#receivers === 0 && now - this.#lastReceive > leaseMs;
    const untaken = isIdle ? [...this.#gate.waiting()] : [];
    for (const message of untaken) this.#gate.remove(message);
    const taken = tooLong.map(({ message }) => message);
    if (taken.length + untaken.length > 0) await this.#upstream.giveBack({ taken, untaken }).catch(() => {});
    const rest = [...this.#takenHere(), ...this.#gate.waiting()];
    if (rest.length > 0) await this.#upstream.extend(rest).catch(() => {});
  }

  #take(max: number): M[] {
    const now = this.#now();
    const taken = this.#gate.take(max, now);
    for (const message of taken) this.#inHand.set(message.id, { message, since: now, isLetGo: false });
    return taken;
  }

  /** In hand, or waiting out a delay. */
  #takenHere(): M[] {
    const inHand = [...this.#inHand.values()].filter(({ isLetGo }) => !isLetGo);
    return [...inHand, ...this.#delayed.values()].map(({ message }) => message);
  }

  #nack(message: M, dueAt: number): void {
    this.#inHand.delete(message.id);
    this.#gate.nack(message, dueAt + PATIENCE_MS);
  }

  /** Resolves when something may have changed: more came, a group went on, or the time is over. */
  async #more(max: number, waitMs: number): Promise<void> {
    const room = Math.min(max, MAX_UNTAKEN - this.#gate.untaken);
    // Full of what waits for a message that is to come again: one more, which it may be.
    const asked = room > 0 ? room : Math.min(1, this.#gate.awaited);
    const isOthers = this.#fetching !== null;
    if (asked > 0) this.#fetching ??= this.#fetch(asked, waitMs);
    const fetched = this.#fetching ?? [];
    // With no time to wait, the broker is asked once all the same.
    if (waitMs === 0) return isOthers ? undefined : void (await fetched);
    const over = new AbortController();
    await Promise.race([this.arrival(waitMs, over.signal), fetched].flat()).finally(() => over.abort());
  }

  #fetch(room: number, waitMs: number): Promise<void> {
    const fetching = this.#upstream.fetch(room, waitMs, this.#closing.signal).finally(() => {
      this.#fetching = null;
    });
    // Its receiver may be gone by the time it fails.
    fetching.catch(() => {});
    return fetching;
  }

  #changed(): void {
    this.#changes.dispatchEvent(new Event('change'));
  }
}

function soon(asked: Promise<void>): Promise<void> {
  return within(CLOSE_MS, asked, 'no answer').catch(() => {});
}
