import { setImmediate } from 'node:timers/promises';

/** How long one call may think before others have a turn, ms. */
const STRETCH_MS = 10;

/** Lets others have the process now and then, in the midst of work that waits for nothing. */
export class Pauses {
  #since = performance.now();

  async pause(): Promise<void> {
    if (performance.now() - this.#since < STRETCH_MS) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
