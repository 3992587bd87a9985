import { randomUUID } from 'node:crypto';

/** A message as it lies in a queue. */
export interface Stored {
  readonly sequence: number;
  /** As it was sent, base64. */
  readonly encoded: string;
  readonly enqueuedAt: number;
  /** Scheduled: not before. */
  readonly availableAt: number;
  /** Given out and neither settled nor expired. */
  lock: { token: string; until: number } | null;
  /** How often it was given out in vain. */
  failures: number;
}

/** Locks are of this long. */
export const LOCK_MS = 15_000;

/**
 * A queue of Service Bus, as far as an adapter sees it: what is locked is nobody else's until it is completed (gone),
 * abandoned (back in its place, one delivery more) or its lock ends (the same).
 */
export class Queue {
  readonly #messages: Map<number, Stored>;
  /** Nobody's, by their places. */
  readonly #ready: number[] = [];
  readonly #locked = new Map<string, Stored>();
  readonly #onReady: () => void;

  constructor(stored: readonly Stored[], onReady: () => void) {
    this.#onReady = onReady;
    this.#messages = new Map(stored.map((message) => [message.sequence, message]));
    for (const message of stored) this.#wait(message);
  }

  get stored(): Stored[] {
    return [...this.#messages.values()];
  }

  add(message: Stored): void {
    this.#messages.set(message.sequence, message);
    this.#wait(message);
  }

  first(): Stored | null {
    return this.stored[0] ?? null;
  }

  /** The next one, locked. */
  take(): { message: Stored; token: string; until: number } | null {
    const sequence = this.#ready.shift();
    const message = sequence === undefined ? undefined : this.#messages.get(sequence);
    if (!message) return null;
    const lock = { token: randomUUID(), until: Date.now() + LOCK_MS };
    message.lock = lock;
    this.#locked.set(lock.token, message);
    this.#expire(message);
    return { message, ...lock };
  }

  /** False where the lock is lost; so for the others. */
  complete(token: string): boolean {
    const message = this.#unlock(token);
    if (message) this.#messages.delete(message.sequence);
    return message !== null;
  }

  abandon(token: string): boolean {
    const message = this.#unlock(token);
    if (!message) return false;
    message.failures++;
    this.#makeReady(message);
    return true;
  }

  /** When it ends then, or null. */
  renew(token: string): number | null {
    const lock = this.#locked.get(token)?.lock;
    if (!lock) return null;
    lock.until = Date.now() + LOCK_MS;
    return lock.until;
  }

  #unlock(token: string): Stored | null {
    const message = this.#locked.get(token);
    if (!message) return null;
    this.#locked.delete(token);
    message.lock = null;
    return message;
  }

  /** Until its time, or its lock's end. */
  #wait(message: Stored): void {
    if (message.lock) {
      this.#locked.set(message.lock.token, message);
      this.#expire(message);
    } else if (message.availableAt > Date.now()) {
      setTimeout(() => this.#makeReady(message), message.availableAt - Date.now()).unref();
    } else {
      this.#makeReady(message);
    }
  }

  #expire(message: Stored): void {
    const lock = message.lock;
    if (!lock) return;
    const check = () => {
      if (message.lock !== lock) return;
      if (lock.until > Date.now()) this.#expire(message);
      else this.abandon(lock.token);
    };
    setTimeout(check, Math.max(1, lock.until - Date.now())).unref();
  }

  #makeReady({ sequence }: Stored): void {
    const before = this.#ready.findLastIndex((other) => other < sequence);
    this.#ready.splice(before + 1, 0, sequence);
    this.#onReady();
  }
}
