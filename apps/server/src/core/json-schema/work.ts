/**
 * How much work one validation may cost. Schemas and payloads are other people's: `allOf` over a reference that does the
 * same doubles with every line, and one process serves all environments. Steps and not milliseconds, so that the same
 * payload and schema always end alike.
 */
export class Work {
  readonly most: number;
  #spent = 0;

  /** @param steps 200 ns each at most: whatever takes longer the more there is of something spends as much more. */
  constructor(steps: number) {
    this.most = steps;
  }

  get spent(): number {
    return this.#spent;
  }

  /** @throws TooMuchWork */
  spend(steps: number): void {
    this.#spent += steps;
    if (this.#spent > this.most) throw new TooMuchWork();
  }

  /** For looking at each character of a text (2 to 10 ns). @throws TooMuchWork */
  walk(text: string): void {
    this.spend(text.length >> 3);
  }

  /** For holding a text against another, or copying it, which the machine does by the word. @throws TooMuchWork */
  compare(text: string): void {
    this.spend(text.length >> 6);
  }
}

export class TooMuchWork extends Error {}

/** Enough for any schema on a small value. */
const BASE = 20_000;
/**
 * An array of small objects, each held against a schema with a pattern, takes 0.9 to 1.1. The largest payload (256 KiB) may take a
 * million steps, 0.2 s at the worst measured.
 */
const STEPS_PER_BYTE = 4;

export function workFor(bytes: number): Work {
  return new Work(BASE + STEPS_PER_BYTE * bytes);
}

/** How deep schemas may lead into each other and into a value, on the stack. */
export const MAX_DEPTH = 500;
