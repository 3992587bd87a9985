/** A clock that stands still until the test says what time it is. */
export class TestClock {
  #at: number;

  /** @param at as Date.parse reads it. */
  constructor(at: string) {
    this.#at = Date.parse(at);
  }

  /** To be handed in as it is. */
  readonly now = (): number => this.#at;

  set(at: string): void {
    this.#at = Date.parse(at);
  }
}
