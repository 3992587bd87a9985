/**
 * Group commit: what is submitted while a flush is under way waits and goes together in the next one. Under load the
 * batches grow and each item costs a fraction of a round trip and an fsync; at rest an item goes alone, at once.
 */
export interface GroupCommitOptions<Item, Result> {
  /** Does the work of a batch; one result per item, in order. */
  readonly flush: (batch: readonly Item[]) => Promise<readonly Result[]>;
  /** Largest batch. */
  readonly maxItems: number;
  /** Largest batch by `sizeOf`, unless a single item is larger. */
  readonly maxSize: number;
  readonly sizeOf: (item: Item) => number;
  /**
   * True where a failed batch may be one item's fault: then each item is tried alone, so that it fails alone. False
   * where everything would fail the same way, as with a database that is down.
   */
  readonly isItemFault: (error: unknown) => boolean;
  /**
   * Milliseconds from the beginning of one flush to that of the next, at least; 0 unless given. For what nobody waits for:
   * fewer and larger batches cost less, and what comes after a rest still goes at once.
   */
  readonly pauseMs?: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export class GroupCommit<Item, Result> {
  readonly #options: GroupCommitOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #waitingSize = 0;
  #flushing: Promise<void> | null = null;
  /** When the last flush began, by performance.now(). */
  #begunAt = Number.NEGATIVE_INFINITY;

  constructor(options: GroupCommitOptions<Item, Result>) {
    this.#options = options;
  }

  /** How many items wait for a flush to begin. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Their size, by `sizeOf`. */
  get waitingSize(): number {
    return this.#waitingSize;
  }

  /** Resolves or rejects with what became of this item. */
  submit(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#waitingSize += this.#options.sizeOf(item);
      // The first of an idle moment lets this tick's others join it.
      this.#flushing ??= Promise.resolve().then(() => this.#drain());
    });
  }

  /** Resolves when everything submitted so far is done. */
  async idle(): Promise<void> {
    while (this.#flushing) await this.#flushing;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#pause();
      const batch = this.#nextBatch();
      try {
        await this.#run(batch);
      } catch (error) {
        if (batch.length === 1 || !this.#options.isItemFault(error)) {
          for (const waiting of batch) waiting.reject(error);
        } else {
          for (const waiting of batch) await this.#run([waiting]).catch(waiting.reject);
        }
      }
    }
    this.#flushing = null;
  }

  /** Unless a batch is full already. */
  async #pause(): Promise<void> {
    const { pauseMs = 0, maxItems } = this.#options;
    if (pauseMs === 0) return;
    const leftMs = this.#begunAt + pauseMs - performance.now();
    if (leftMs > 0 && this.#waiting.length < maxItems) await new Promise((resolve) => setTimeout(resolve, leftMs));
    this.#begunAt = performance.now();
  }

  async #run(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const results = await this.#options.flush(batch.map((waiting) => waiting.item));
    batch.forEach((waiting, n) => {
      waiting.resolve(results[n] as Result);
    });
  }

  #nextBatch(): Waiting<Item, Result>[] {
    let size = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      const next = size + this.#options.sizeOf(waiting.item);
      if (count > 0 && (count >= this.#options.maxItems || next > this.#options.maxSize)) break;
      size = next;
      count++;
    }
    this.#waitingSize -= size;
    return this.#waiting.splice(0, count);
  }
}
