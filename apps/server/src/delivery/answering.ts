import type { Uuid } from '../core/ids.ts';

/** An answer says so much of the next, and no more; half of a circuit's window. */
const VALID_MS = 30_000;
/** Written down no more often than this, as it is for every delivery. */
const GRAIN_MS = 1_000;

/**
 * Endpoints that answered well lately, by what this process saw. Of the others, dead or new, nothing is known: what is sent
 * to them may come back at once, or never.
 */
export class Answering {
  /** When each was last heard; the longest ago first. */
  readonly #heardAt = new Map<Uuid, number>();

  has(endpoint: Uuid): boolean {
    const at = this.#heardAt.get(endpoint);
    return at !== undefined && performance.now() - at < VALID_MS;
  }

  /** @returns whether nothing was known of it before. */
  heard(endpoint: Uuid): boolean {
    const now = performance.now();
    const before = this.#heardAt.get(endpoint);
    if (before !== undefined && now - before < GRAIN_MS) return false;
    this.#heardAt.delete(endpoint);
    this.#heardAt.set(endpoint, now);
    for (const [oldest, at] of this.#heardAt) {
      if (now - at < VALID_MS) break;
      this.#heardAt.delete(oldest);
    }
    return before === undefined || now - before >= VALID_MS;
  }
}
