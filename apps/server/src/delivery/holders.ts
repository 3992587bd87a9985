import type { Uuid } from '../core/ids.ts';

/**
 * Who holds how many places of a process, and how many more each may have: no more than `weight` times as many as are
 * still free. So n of them that take all they can get leave 1/(n * weight + 1) of the places, and what they leave is
 * there for everybody else at once. (The dynamic threshold of Choudhury and Hahne, 1998, for switches that share one
 * buffer between queues.)
 */
export class Holders {
  readonly #weight: number;
  readonly #held = new Map<Uuid, number>();

  constructor(weight: number) {
    this.#weight = weight;
  }

  /** Whether one may take another, of so many free places. Who holds nothing may take any that is free. */
  hasRoom(holder: Uuid, free: number): boolean {
    return this.#heldBy(holder) < this.#weight * free;
  }

  /** How many more one may take, besides what it was promised: each one taken leaves one less to compare with. */
  roomFor(holder: Uuid, free: number, promised = 0): number {
    const short = this.#weight * free - this.#heldBy(holder) - promised;
    return Math.max(0, Math.ceil(short / (this.#weight + 1)));
  }

  add(holder: Uuid): void {
    this.#held.set(holder, this.#heldBy(holder) + 1);
  }

  remove(holder: Uuid): void {
    const held = this.#heldBy(holder);
    if (held <= 1) this.#held.delete(holder);
    else this.#held.set(holder, held - 1);
  }

  /** Those that may not take another. */
  full(free: number): Uuid[] {
    return [...this.#held].filter(([, held]) => held >= this.#weight * free).map(([holder]) => holder);
  }

  /** How many hold any. */
  get count(): number {
    return this.#held.size;
  }

  #heldBy(holder: Uuid): number {
    return this.#held.get(holder) ?? 0;
  }
}
