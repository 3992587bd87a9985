import type { Uuid } from '../core/ids.ts';

/** Places for deliveries in flight: so many in this process, and so many of them to any one endpoint. */
export class Slots {
  readonly #capacity: number;
  readonly #perEndpoint: number;
  readonly #taken = new Map<Uuid, number>();
  #total = 0;

  constructor(capacity: number, perEndpoint: number) {
    this.#capacity = capacity;
    this.#perEndpoint = perEndpoint;
  }

  get free(): number {
    return this.#capacity - this.#total;
  }

  get taken(): number {
    return this.#total;
  }

  /** Takes a place, or says that there is none. */
  take(endpoint: Uuid): boolean {
    const taken = this.#taken.get(endpoint) ?? 0;
    if (this.#total >= this.#capacity || taken >= this.#perEndpoint) return false;
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
}
