import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { EgressError } from './error-code.ts';
import { LookupQueue } from './lookup-queue.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** All the addresses of a name, as the system gives them. Rejects when there are none, and may when the signal fires. */
export type Resolve = (hostname: string, signal?: AbortSignal) => Promise<readonly ResolvedAddress[]>;

/** The system's resolver, hosts file included: what the operator's machine believes. */
const system: Resolve = (hostname) => lookup(hostname, { all: true });

/** How long is waited where nobody gives a signal. */
const TIMEOUT_MS = 10_000;

const shared = new WeakSet<Resolve>();

/**
 * Shares one look-up between all that ask for a name at the same time, and lets no more of them be under way than
 * `LookupQueue` has places for. Whoever waits leaves when their signal fires; the last one to leave takes the name out of the
 * queue, and a look-up that has begun goes on for whoever asks next. Nothing is kept once answered; the system's own cache is
 * what honours the record's time to live.
 *
 * What is shared already stays as it is, so that a process has one queue.
 *
 * @param now milliseconds of a clock that does not go back.
 */
export function sharedResolve(resolve: Resolve = system, now = () => performance.now()): Resolve {
  if (shared.has(resolve)) return resolve;
  const lookups = new Lookups(resolve, now);
  const sharing: Resolve = (hostname, signal = inTime()) =>
    // A literal asks nobody.
    isIP(hostname) === 0 ? lookups.ask(hostname, signal) : resolve(hostname);
  shared.add(sharing);
  return sharing;
}

interface Lookup {
  readonly answer: PromiseWithResolvers<readonly ResolvedAddress[]>;
  waiters: number;
}

class Lookups {
  readonly #resolve: Resolve;
  readonly #now: () => number;
  readonly #queue = new LookupQueue();
  readonly #lookups = new Map<string, Lookup>();

  constructor(resolve: Resolve, now: () => number) {
    this.#resolve = resolve;
    this.#now = now;
  }

  async ask(hostname: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]> {
    signal.throwIfAborted();
    const found = this.#lookups.get(hostname) ?? this.#begin(hostname);
    found.waiters++;
    try {
      return await unlessAborted(found.answer.promise, signal);
    } finally {
      found.waiters--;
      if (found.waiters === 0 && this.#queue.remove(hostname)) this.#lookups.delete(hostname);
    }
  }

  #begin(hostname: string): Lookup {
    const begun: Lookup = { answer: Promise.withResolvers(), waiters: 0 };
    // It may come when nobody waits any more.
    begun.answer.promise.catch(() => {});
    this.#lookups.set(hostname, begun);
    this.#queue.add(hostname);
    this.#goOn();
    return begun;
  }

  #goOn(): void {
    for (let name = this.#queue.take(this.#now()); name !== null; name = this.#queue.take(this.#now())) this.#run(name);
  }

  async #run(hostname: string): Promise<void> {
    const answer = this.#lookups.get(hostname)?.answer;
    try {
      answer?.resolve(await this.#resolve(hostname));
    } catch (error) {
      answer?.reject(new EgressError('dns_failed', `${hostname} does not resolve${codeOf(error)}`, error));
    } finally {
      this.#lookups.delete(hostname);
      this.#queue.end(hostname, this.#now());
      this.#goOn();
    }
  }
}

function inTime(): AbortSignal {
  const given = new AbortController();
  const late = () => given.abort(new EgressError('dns_timeout', 'the name server did not answer in time'));
  setTimeout(late, TIMEOUT_MS).unref();
  return given.signal;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
}
