import { QueueError } from './error.ts';

const CONNECT_MS = 10_000;
const CALL_MS = 30_000;

/** How a client of a broker is opened and let go of. */
export interface Ends<T> {
  open(): Promise<T>;
  /** Never waits for an answer that may not come. */
  shut(connection: T): Promise<void> | void;
  /** What went wrong, as a QueueError. */
  toError(error: unknown): QueueError;
}

/**
 * One connection: opened by the first call that needs it, opened again by the first call after it broke. The clients'
 * own reconnecting is left off, so that a call made while the broker is away hears of it now.
 */
export class Link<T> {
  readonly #ends: Ends<T>;
  #current: Promise<T> | null = null;
  #isClosed = false;

  constructor(ends: Ends<T>) {
    this.#ends = ends;
  }

  /** @throws QueueError within 10 s. */
  get(): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed());
    if (this.#current) return this.#current;
    const opening = this.#open();
    this.#current = opening;
    opening.catch(() => {
      if (this.#current === opening) this.#current = null;
    });
    return opening;
  }

  /**
   * One call on the connection. One that gets no answer within 30 s takes the connection with it.
   *
   * @throws QueueError
   */
  async call<R>(act: (connection: T) => Promise<R>, ms = CALL_MS): Promise<R> {
    const current = this.get();
    try {
      const connection = await current;
      return await within(ms, act(connection), 'no answer from the broker');
    } catch (error) {
      const known = this.#ends.toError(error);
      if (error instanceof TimeLimit) await this.drop(current);
      throw known;
    }
  }

  /** It broke: the next call opens another. */
  async drop(broken: Promise<T> | T): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    if (current !== broken && (await current.catch(() => null)) !== broken) return;
    if (this.#current === current) this.#current = null;
    await this.#shut(current);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const current = this.#current;
    this.#current = null;
    if (current) await this.#shut(current);
  }

  async #open(): Promise<T> {
    const opening = this.#ends.open();
    try {
      const connection = await within(CONNECT_MS, opening, 'no connection to the broker');
      if (this.#isClosed) throw closed();
      return connection;
    } catch (error) {
      void this.#shut(opening);
      throw this.#ends.toError(error);
    }
  }

  async #shut(connection: Promise<T>): Promise<void> {
    try {
      await this.#ends.shut(await connection);
    } catch {
      // It never came to be, or is gone.
    }
  }
}

class TimeLimit extends QueueError {}

/** @throws QueueError `unreachable` after so long. What was asked for goes on, unheard. */
export async function within<R>(ms: number, asked: Promise<R>, what: string): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimit('unreachable', `${what} within ${ms / 1_000} s`)), ms);
  });
  asked.catch(() => {});
  try {
    return await Promise.race([asked, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export function closed(): QueueError {
  return new QueueError('unreachable', 'the queue is closed');
}
