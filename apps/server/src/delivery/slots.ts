import type { Uuid } from '../core/ids.ts';

/**
 * Places for deliveries in flight in this process.
 *
 * No endpoint may hold more places than are still free. So one alone can have half of them, n slow ones at once have
 * 1/(n+1) each and leave as much, and what they leave is there for everybody else at once. (The dynamic threshold of
 * Choudhury and Hahne, 1998, for switches that share one buffer between queues.)
 */
export class Slots {
  readonly #capacity: number;
  readonly #taken = new Map<Uuid, number>();
  #total = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get free(): number {
    return this.#capacity - this.#total;
  }

  get taken(): number {
    return this.#total;
  }

  /** Takes a place, or says that there is none for this endpoint. */
  take(endpoint: Uuid): boolean {
    const taken = this.#taken.get(endpoint) ?? 0;
    if (taken >= this.free) return false;
    this.#taken.set(endpoint, taken + 1);
    this.#total++;
    return true;
  }

  giveBack(endpoint: Uuid): void {
    const taken = this.#taken.get(endpoint) ?? 0;
    if (taken <= 1) this.#taken.delete(endpoint);
    else this.#taken.set(endpoint, taken - 1);
    this.#total--;
  }

  /** The endpoints for which there is no place now. */
  saturated(): Uuid[] {
    return [...this.#taken].filter(([, taken]) => taken >= this.free).map(([endpoint]) => endpoint);
  }
}
