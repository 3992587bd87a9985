import { randomUUID } from 'node:crypto';

/** A message as it lies in a queue. */
export interface Stored {
  readonly sequence: number;
  /** As it was sent, base64. */
  readonly encoded: string;
  readonly messageId: string | null;
  readonly session: string | null;
  readonly enqueuedAt: number;
  /** Scheduled: not before. */
  readonly availableAt: number;
  /** How often it was given out in vain. */
  failures: number;
}

/** As the service has them for a queue or a subscription. */
export interface QueueSettings {
  readonly lockMs: number;
  readonly requiresSession: boolean;
  /** How long message ids are remembered; 0: duplicates are not detected. */
  readonly duplicatesMs: number;
  readonly maxDeliveries: number;
}

/** What happened to a queue, as it is written down. */
export type Change =
  | { readonly add: Stored }
  | { readonly gone: number }
  | { readonly failed: number; readonly times: number }
  | { readonly seen: string; readonly at: number };

/** A session in one receiver's hands. */
export interface Hold {
  readonly id: string;
  until: number;
  /** Its lock has ended. */
  onLost: () => void;
}

interface Lock {
  readonly message: Stored;
  until: number;
  /** The session whose lock is also that of its messages. */
  readonly hold: Hold | null;
}

export interface Taken {
  readonly message: Stored;
  readonly token: string;
  readonly until: number;
}

/**
 * A queue of Service Bus, as far as a client sees it. What is locked is nobody else's until it is completed (gone),
 * abandoned (back in its place, one delivery more) or its lock ends (the same). Of a queue with sessions, the messages of
 * one session go to the one receiver that holds it; the end of its lock counts as a delivery, its closing does not.
 */
export class Queue {
  readonly settings: QueueSettings;
  readonly #messages = new Map<number, Stored>();
  /** Nobody's, by their places: of each session, or all under ''. */
  readonly #ready = new Map<string, number[]>();
  readonly #scheduled = new Set<Stored>();
  readonly #locks = new Map<string, Lock>();
  readonly #holds = new Map<string, Hold>();
  readonly #seen = new Map<string, number>();
  readonly #write: (change: Change) => void;
  readonly #bury: (message: Stored, reason: string) => void;
  #next = 1;
  /** Something may be given out. */
  onReady: () => void = () => {};

  constructor(
    settings: QueueSettings,
    write: (change: Change) => void,
    bury: (message: Stored, reason: string) => void,
  ) {
    this.settings = settings;
    this.#write = write;
    this.#bury = bury;
  }

  /** As it was written down. */
  replay(change: Change): void {
    if ('add' in change) this.#put(change.add);
    else if ('gone' in change) this.#forget(change.gone);
    else if ('seen' in change) this.#seen.set(change.seen, change.at);
    else {
      const message = this.#messages.get(change.failed);
      if (message) message.failures = change.times;
    }
  }

  /** Enough to have it again. */
  *changes(): Generator<Change> {
    for (const [seen, at] of this.#seen) yield { seen, at };
    for (const add of this.#messages.values()) yield { add };
  }

  add(message: Omit<Stored, 'sequence' | 'failures' | 'enqueuedAt'>, now: number): void {
    const { messageId } = message;
    if (messageId !== null && this.settings.duplicatesMs > 0) {
      const seenAt = this.#seen.get(messageId);
      if (seenAt !== undefined && now - seenAt < this.settings.duplicatesMs) return;
      this.#seen.set(messageId, now);
      this.#write({ seen: messageId, at: now });
    }
    const add = { ...message, sequence: this.#next, enqueuedAt: now, failures: 0 };
    this.#put(add);
    this.#write({ add });
    this.onReady();
  }

  /** From that place on, whoever has them. */
  peek(from: number, max: number): Stored[] {
    return [...this.#messages.values()].filter(({ sequence }) => sequence >= from).slice(0, max);
  }

  /** The next one, locked; of the session that is held, where there are sessions. */
  take(hold: Hold | null, now: number): Taken | null {
    if (hold && this.#holds.get(hold.id) !== hold) return null;
    const sequence = this.#ready.get(hold?.id ?? '')?.shift();
    const message = sequence === undefined ? undefined : this.#messages.get(sequence);
    if (!message) return null;
    const [token, until] = [randomUUID(), hold?.until ?? now + this.settings.lockMs];
    this.#locks.set(token, { message, until, hold });
    return { message, token, until };
  }

  /** False where the lock is lost; so for the others. */
  complete(token: string): boolean {
    const message = this.#unlock(token);
    if (!message) return false;
    this.#forget(message.sequence);
    this.#write({ gone: message.sequence });
    return true;
  }

  abandon(token: string): boolean {
    const message = this.#unlock(token);
    if (!message) return false;
    message.failures++;
    if (message.failures >= this.settings.maxDeliveries) this.#kill(message, 'MaxDeliveryCountExceeded');
    else {
      this.#write({ failed: message.sequence, times: message.failures });
      this.#makeReady(message);
    }
    return true;
  }

  deadLetter(token: string, reason: string): boolean {
    const message = this.#unlock(token);
    if (message) this.#kill(message, reason);
    return message !== null;
  }

  /** When it ends then, or null. */
  renew(token: string, now: number): number | null {
    const lock = this.#locks.get(token);
    if (!lock || lock.hold) return null;
    lock.until = now + this.settings.lockMs;
    return lock.until;
  }

  /** The session of that name, or any that nobody has and that has something to give; null: there is none. */
  accept(id: string | null, now: number): Hold | null {
    const free = id ?? this.#freeSession();
    if (free === null || this.#holds.has(free)) return null;
    const hold = { id: free, until: now + this.settings.lockMs, onLost: () => {} };
    this.#holds.set(free, hold);
    return hold;
  }

  /** The one that has waited longest. */
  #freeSession(): string | null {
    let found: { readonly id: string; readonly sequence: number } | null = null;
    for (const [id, [sequence]] of this.#ready) {
      if (sequence === undefined || this.#holds.has(id)) continue;
      if (!found || sequence < found.sequence) found = { id, sequence };
    }
    return found?.id ?? null;
  }

  renewSession(id: string, now: number): number | null {
    const hold = this.#holds.get(id);
    if (hold) hold.until = now + this.settings.lockMs;
    return hold?.until ?? null;
  }

  /** Its receiver closed: what it had goes back, and does not count as delivered. */
  release(hold: Hold): void {
    if (this.#holds.get(hold.id) !== hold) return;
    this.#holds.delete(hold.id);
    for (const [token, lock] of this.#locks) {
      if (lock.hold !== hold) continue;
      this.#unlock(token);
      this.#makeReady(lock.message);
    }
    this.onReady();
  }

  /** Ends what has ended. */
  tick(now: number): void {
    for (const message of this.#scheduled) if (message.availableAt <= now) this.#activate(message, now);
    for (const [token, { until, hold }] of this.#locks) if (!hold && until <= now) this.abandon(token);
    for (const hold of this.#holds.values()) if (hold.until <= now) this.#lose(hold);
    for (const [id, at] of this.#seen) if (now - at > this.settings.duplicatesMs) this.#seen.delete(id);
  }

  #lose(hold: Hold): void {
    for (const [token, lock] of this.#locks) if (lock.hold === hold) this.abandon(token);
    this.#holds.delete(hold.id);
    hold.onLost();
    this.onReady();
  }

  /** A scheduled message is enqueued when its time comes: behind those that came before. */
  #activate(message: Stored, now: number): void {
    this.#forget(message.sequence);
    this.#write({ gone: message.sequence });
    const add = { ...message, sequence: this.#next, enqueuedAt: now, availableAt: 0 };
    this.#put(add);
    this.#write({ add });
    this.onReady();
  }

  #kill(message: Stored, reason: string): void {
    this.#forget(message.sequence);
    this.#bury(message, reason);
    this.#write({ gone: message.sequence });
  }

  #put(message: Stored): void {
    this.#next = Math.max(this.#next, message.sequence + 1);
    this.#messages.set(message.sequence, message);
    if (message.availableAt > 0) this.#scheduled.add(message);
    else this.#place(message);
  }

  #forget(sequence: number): void {
    const message = this.#messages.get(sequence);
    if (!message) return;
    this.#messages.delete(sequence);
    this.#scheduled.delete(message);
    const ready = this.#ready.get(this.#lineOf(message)) ?? [];
    const at = ready.indexOf(sequence);
    if (at >= 0) ready.splice(at, 1);
  }

  #unlock(token: string): Stored | null {
    const lock = this.#locks.get(token);
    this.#locks.delete(token);
    return lock?.message ?? null;
  }

  #makeReady(message: Stored): void {
    this.#place(message);
    this.onReady();
  }

  #place(message: Stored): void {
    const line = this.#lineOf(message);
    const ready = this.#ready.get(line) ?? [];
    const before = ready.findLastIndex((other) => other < message.sequence);
    ready.splice(before + 1, 0, message.sequence);
    this.#ready.set(line, ready);
  }

  #lineOf({ session }: Stored): string {
    return this.settings.requiresSession ? (session ?? '') : '';
  }
}
