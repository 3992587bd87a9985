import type { Uuid } from '../core/ids.ts';

/**
 * Who holds how many places of a process, and how many more each may have: no more than `weight` times as many as are
 * still free. So n of them that take all they can get leave 1/(n * weight + 1) of the places, and what they leave is
 * there for everybody else at once. (The dynamic threshold of Choudhury and Hahne, 1998, for switches that share one
 * buffer between queues.)
 */
export class Holders {
  readonly #weight: number;
  readonly #ceiling: (holder: Uuid) => number;
  readonly #held = new Map<Uuid, number>();

  /** @param ceiling the most that one may have, however many are free. */
  constructor(weight: number, ceiling: (holder: Uuid) => number = () => Number.POSITIVE_INFINITY) {
    this.#weight = weight;
    this.#ceiling = ceiling;
  }

  /** Whether one may take another, of so many free places. Who holds nothing may take any that is free. */
  hasRoom(holder: Uuid, free: number): boolean {
    return this.#mayHaveMore(holder, this.#heldBy(holder), free);
  }

  /** How many more one may take, besides what it was promised: each one taken leaves one less to compare with. */
  roomFor(holder: Uuid, free: number, promised = 0): number {
    const has = this.#heldBy(holder) + promised;
    const share = Math.ceil((this.#weight * free - has) / (this.#weight + 1));
    return Math.max(0, Math.min(share, this.#ceiling(holder) - has));
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
    return [...this.#held].filter(([holder, held]) => !this.#mayHaveMore(holder, held, free)).map(([holder]) => holder);
  }

  /** How many hold any. */
  get count(): number {
    return this.#held.size;
  }

  #mayHaveMore(holder: Uuid, held: number, free: number): boolean {
    return held < this.#weight * free && held < this.#ceiling(holder);
  }

  #heldBy(holder: Uuid): number {
    return this.#held.get(holder) ?? 0;
  }
}
