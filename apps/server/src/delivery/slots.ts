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

  /** How many more places this endpoint may take now: each one taken leaves one less to compare with. */
  roomFor(endpoint: Uuid): number {
    return Math.max(0, Math.ceil((this.free - (this.#taken.get(endpoint) ?? 0)) / 2));
  }

  /** Takes a place if there is room for this endpoint. @param leave so many fewer than it might have. */
  take(endpoint: Uuid, leave = 0): boolean {
    if ((this.#taken.get(endpoint) ?? 0) >= this.free - leave) return false;
    this.occupy(endpoint);
    return true;
  }

  /** Takes a place whether or not there is room: the delivery is in hand already. */
  occupy(endpoint: Uuid): void {
    this.#taken.set(endpoint, (this.#taken.get(endpoint) ?? 0) + 1);
    this.#total++;
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
