import type { ReceivedRequest } from './record.ts';

export interface Counts {
  total: number;
  /** Signed by a trusted secret. Stays 0 in the mode `none`, as does `unverified`. */
  verified: number;
  unverified: number;
}

export type Match = (request: ReceivedRequest) => boolean;

/** So many requests in all; or the first that matches; or so many that match. */
export type Wanted = number | Match | { readonly count: number; readonly match: Match };

interface Waiter {
  readonly match: Match | undefined;
  readonly found: ReceivedRequest[];
  missing: number;
  settle(outcome: Error | undefined): void;
}

// 1,000 requests of 8 MB would be 8 GB.
const MAX_KEPT_BODY_CHARACTERS = 64 * 1024 * 1024;

/** What was received: the newest requests in full, the count of all, and whoever waits for more. */
export class Journal {
  readonly counts: Counts = { total: 0, verified: 0, unverified: 0 };
  readonly #kept: ReceivedRequest[] = [];
  readonly #keep: number;
  readonly #waiters = new Set<Waiter>();
  #keptCharacters = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** Oldest first. */
  get kept(): readonly ReceivedRequest[] {
    return this.#kept.slice();
  }

  /** Counts a request nobody looks at. */
  tick(): void {
    this.counts.total += 1;
    this.#wake(undefined);
  }

  add(request: ReceivedRequest): void {
    this.counts.total += 1;
    if (request.verified) this.counts.verified += 1;
    else this.counts.unverified += 1;
    if (this.#keep > 0) this.#remember(request);
    this.#wake(request);
  }

  /** Resolves with the matching requests, or rejects after the timeout saying what was received instead. */
  waitFor(wanted: Wanted, timeoutMs: number): Promise<readonly ReceivedRequest[]> {
    const match = typeof wanted === 'number' ? undefined : typeof wanted === 'function' ? wanted : wanted.match;
    const count = typeof wanted === 'number' ? wanted : typeof wanted === 'function' ? 1 : wanted.count;
    return new Promise((resolve, reject) => {
      const found = match ? this.#kept.filter(match) : [];
      const settle = (failure: Error | undefined) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        if (failure) reject(failure);
        else resolve(match ? found : this.kept);
      };
      const waiter: Waiter = { match, found, missing: count - (match ? found.length : this.counts.total), settle };
      const timer = setTimeout(() => settle(new Error(this.#disappointment(waiter, count, timeoutMs))), timeoutMs);
      this.#waiters.add(waiter);
      if (waiter.missing <= 0) settle(undefined);
    });
  }

  close(): void {
    for (const waiter of [...this.#waiters]) waiter.settle(new Error('the receiver was closed while it was waited on'));
  }

  #remember(request: ReceivedRequest): void {
    this.#kept.push(request);
    this.#keptCharacters += request.body.length;
    while (this.#kept.length > this.#keep || this.#keptCharacters > MAX_KEPT_BODY_CHARACTERS) {
      this.#keptCharacters -= this.#kept.shift()?.body.length ?? 0;
    }
  }

  #wake(request: ReceivedRequest | undefined): void {
    for (const waiter of this.#waiters) {
      if (waiter.match) {
        if (request === undefined || !waiter.match(request)) continue;
        waiter.found.push(request);
      }
      waiter.missing -= 1;
      if (waiter.missing <= 0) waiter.settle(undefined);
    }
  }

  #disappointment({ match, found }: Waiter, count: number, timeoutMs: number): string {
    const seen = match ? found.length : this.counts.total;
    const last = this.#kept.slice(-5).map((request) => `${request.method} ${request.path} ${request.webhookId ?? '-'}`);
    return `waited ${timeoutMs} ms for ${count} ${match ? 'matching ' : ''}request(s), saw ${seen} (${this.counts.total} in all; the last: ${last.join(', ') || 'none'})`;
  }
}
