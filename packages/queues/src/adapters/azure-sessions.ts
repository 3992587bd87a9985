import type { ServiceBusSessionReceiver } from '@azure/service-bus';
import { type AzureClient, codeOf } from './azure-client.ts';
import { type AzureMessage, fromAzure, isNone } from './azure-message.ts';

/** A session that is locked here: nobody else gets its messages. */
export interface AzureSession {
  readonly client: AzureClient;
  readonly receiver: ServiceBusSessionReceiver;
  readonly since: number;
  /** Its messages that are locked: in hand, waiting out a delay, or held back. */
  readonly here: Map<string, AzureMessage>;
  /** Abandoned, and the next that it gives. */
  readonly coming: Map<string, AzureMessage>;
  reading: Promise<void> | null;
  nextRead: number;
  /** Read no more; it is closed once nothing of it is here. */
  isEnding: boolean;
  idle: NodeJS.Timeout | null;
}

export interface SessionsOptions {
  /** Held at once, at most. */
  readonly max: number;
  readonly accept: (client: AzureClient) => Promise<ServiceBusSessionReceiver>;
  readonly add: (message: AzureMessage) => void;
  /** What is here of a session counts no longer. */
  readonly onLost: (session: AzureSession) => void;
  /** They were to come again, and may go to another receiver now. */
  readonly onGone: (messages: readonly AzureMessage[]) => void;
  /** Resolves when something came, or after so long, or when one of the signals says so. */
  readonly arrival: (ms: number, ...signals: AbortSignal[]) => Promise<void>;
}

/** Asked for at once. */
const ACCEPTS = 4;
/** A session that gives nothing for so long goes back; sooner where others may wait for its place. */
const IDLE_MS = { roomy: 1_000, full: 50 };
/** Where others may wait, a session that is always busy goes back after so long. */
const TURN_MS = 10_000;
/** Received ahead: of a group one at a time is handled. */
const AHEAD = { group: 8, none: 64 };
/** What is on its way is waited for so long. */
const MORE_MS = 10;
/** One fetch takes no longer, and no less. */
const POLL_MS = 1_000;
const NO_WAIT_MS = 500;

/**
 * The sessions that an adapter holds. Accepted one after the other, as the service gives them; each is read while there
 * is somebody who receives, and goes back when it has nothing more. Its lock is also that of its messages.
 */
export class AzureSessions {
  readonly #options: SessionsOptions;
  readonly #open = new Set<AzureSession>();
  readonly #accepting = new Set<Promise<void>>();
  #fetching = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  async fetch(client: AzureClient, room: number, waitMs: number, signal: AbortSignal): Promise<void> {
    for (const session of this.#open) {
      if (session.client !== client || session.receiver.isClosed) this.lose(session);
    }
    const over = new AbortController();
    this.#fetching++;
    try {
      for (const session of this.#open) this.#readOn(session, room);
      this.#acceptMore(client, room);
      const waits = [...this.#accepting, ...[...this.#open].flatMap(({ reading }) => reading ?? [])];
      const wait = waitMs === 0 ? NO_WAIT_MS : Math.min(waitMs, POLL_MS);
      const arrival = this.#options.arrival(wait, signal, over.signal);
      const failure = new Promise<never>((_, reject) => {
        for (const each of waits) each.catch(reject);
      });
      // With no time to wait, an accepted session is still to be read.
      await Promise.race([arrival, failure, ...(waitMs === 0 ? [] : waits)]);
    } finally {
      this.#fetching--;
      over.abort();
    }
  }

  /** The lock of each session, for as long as something of it is here. */
  async renew(messages: readonly AzureMessage[]): Promise<void> {
    const sessions = new Set(messages.flatMap(({ session }) => session ?? []));
    await Promise.all(
      [...sessions].map(async (session) => {
        try {
          await session.receiver.renewSessionLock();
        } catch (error) {
          if (session.receiver.isClosed || isLockLost(error)) this.lose(session);
          else throw error;
        }
      }),
    );
  }

  /** Completed. */
  done(message: AzureMessage): void {
    const { session } = message;
    if (!session || !this.#take(message)) return;
    session.nextRead = 0;
    this.#tidyLater(session);
  }

  /** Abandoned: it is the next that its session gives. @param isWanted by somebody who receives here. */
  again(message: AzureMessage, isWanted: boolean): void {
    const { id, session } = message;
    if (!session || !this.#take(message)) return;
    session.coming.set(id, message);
    session.nextRead = 0;
    if (isWanted) this.#readOn(session, 1);
    this.#tidyLater(session);
  }

  /** Nobody takes it here. It goes back with its session, and then does not count as delivered. */
  leave(message: AzureMessage): void {
    const { session } = message;
    if (!session || !this.#take(message)) return;
    session.isEnding = true;
    this.#tidy(session);
  }

  /** Another may have it. */
  lose(session: AzureSession): void {
    this.#close(session);
    this.#options.onLost(session);
  }

  /** All go back. */
  close(): void {
    for (const session of this.#open) this.#close(session);
  }

  /** False where it has come again already. */
  #take(message: AzureMessage): boolean {
    const { id, session } = message;
    return session?.here.get(id) === message && session.here.delete(id);
  }

  #acceptMore(client: AzureClient, room: number): void {
    while (this.#accepting.size < ACCEPTS && this.#open.size + this.#accepting.size < this.#options.max) {
      const accepting = this.#accept(client, room).finally(() => this.#accepting.delete(accepting));
      this.#accepting.add(accepting);
      accepting.catch(() => {});
    }
  }

  async #accept(client: AzureClient, room: number): Promise<void> {
    let receiver: ServiceBusSessionReceiver;
    try {
      receiver = await this.#options.accept(client);
    } catch (error) {
      // There was none for so long.
      if (/^(ServiceTimeout|SessionCannotBeLocked)$/.test(codeOf(error))) return;
      throw error;
    }
    // Whoever asked has gone meanwhile.
    if (this.#fetching === 0) return void receiver.close().catch(() => {});
    const session: AzureSession = {
      client,
      receiver,
      since: performance.now(),
      here: new Map(),
      coming: new Map(),
      reading: null,
      nextRead: 0,
      isEnding: false,
      idle: null,
    };
    this.#open.add(session);
    this.#readOn(session, room);
  }

  #readOn(session: AzureSession, room: number): void {
    const now = performance.now();
    if (this.#isFull && now - session.since > TURN_MS) {
      session.isEnding = true;
      this.#tidy(session);
    }
    const ahead = isNone(session.receiver.sessionId) ? AHEAD.none : AHEAD.group;
    const free = Math.min(room, ahead - session.here.size);
    if (session.reading || session.isEnding || free <= 0 || now < session.nextRead) return;
    session.reading = this.#read(session, free);
    session.reading.catch(() => {});
  }

  async #read(session: AzureSession, max: number): Promise<void> {
    const maxWaitTimeInMs = this.#isFull ? IDLE_MS.full : IDLE_MS.roomy;
    // The second is not among the documented ones: it would wait for a second.
    const options = { maxWaitTimeInMs, maxTimeAfterFirstMessageInMs: MORE_MS };
    const awaited = [...session.coming.values()];
    try {
      const messages = await session.receiver.receiveMessages(max, options);
      session.reading = null;
      if (!this.#open.has(session)) return;
      for (const received of messages) {
        const message = fromAzure(received, session);
        session.coming.delete(message.id);
        session.here.set(message.id, message);
        this.#options.add(message);
      }
      this.#giveUp(session, awaited);
      session.nextRead = messages.length > 0 ? 0 : performance.now() + POLL_MS;
      if (messages.length === 0) this.#tidy(session);
    } catch (error) {
      session.reading = null;
      if (!this.#open.has(session)) return;
      const isLost = session.receiver.isClosed || isLockLost(error);
      this.lose(session);
      if (!isLost) throw error;
    }
  }

  /** They would have been the first to come: the service has put them away. */
  #giveUp(session: AzureSession, awaited: readonly AzureMessage[]): void {
    const gone = awaited.filter((message) => session.coming.get(message.id) === message);
    for (const { id } of gone) session.coming.delete(id);
    if (gone.length > 0) this.#options.onGone(gone);
  }

  /** Unless somebody reads it soon. */
  #tidyLater(session: AzureSession): void {
    if (session.isEnding) this.#tidy(session);
    if (session.idle) clearTimeout(session.idle);
    session.idle = setTimeout(() => this.#tidy(session), IDLE_MS.roomy).unref();
  }

  #tidy(session: AzureSession): void {
    const isAwaited = session.coming.size > 0 && !session.isEnding;
    if (session.here.size === 0 && !isAwaited && !session.reading) this.#close(session);
  }

  #close(session: AzureSession): void {
    if (!this.#open.delete(session)) return;
    if (session.idle) clearTimeout(session.idle);
    this.#options.onGone([...session.coming.values()]);
    session.receiver.close().catch(() => {});
  }

  get #isFull(): boolean {
    return this.#open.size >= this.#options.max;
  }
}

export function isLockLost(error: unknown): boolean {
  return /^(SessionLockLost|MessageLockLost|MessageNotFound)$/.test(codeOf(error));
}
