/** A level that is waited for: fired while nobody waits, it ends the next wait at once. */
export class Signal {
  #isFired = false;
  #wakeUp: (() => void) | null = null;

  fire(): void {
    this.#isFired = true;
    this.#wakeUp?.();
  }

  /** Resolves when fired, or after `timeoutMs`. One waiter at a time. */
  async wait(timeoutMs: number): Promise<void> {
    if (!this.#isFired) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wakeUp = null;
    }
    this.#isFired = false;
  }
}
