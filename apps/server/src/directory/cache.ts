import { LRUCache } from 'lru-cache';

/**
 * A bounded cache that loads what it misses, once for all who ask meanwhile. What is forgotten while it loads is not
 * kept: the load may have read the state before the change.
 */
export class Cache<Value extends object> {
  readonly #kept: LRUCache<string, Value>;
  readonly #loading = new Map<string, Promise<Value | null>>();

  /** @param max how many; or, with `sizeOf`, how large all of them together. */
  constructor(max: number, sizeOf?: (value: Value) => number) {
    this.#kept = new LRUCache(sizeOf ? { maxSize: max, sizeCalculation: sizeOf } : { max });
  }

  /** What memory has, if anything. */
  peek(id: string): Value | undefined {
    return this.#kept.get(id);
  }

  /** The value, from memory or from `load`; null (which is not kept) where there is none. */
  async get(id: string, load: () => Promise<Value | null>): Promise<Value | null> {
    const kept = this.#kept.get(id);
    if (kept) return kept;
    const underWay = this.#loading.get(id);
    if (underWay) return underWay;
    const loading = load();
    this.#loading.set(id, loading);
    try {
      const value = await loading;
      if (value && this.#loading.get(id) === loading) this.#kept.set(id, value);
      return value;
    } finally {
      if (this.#loading.get(id) === loading) this.#loading.delete(id);
    }
  }

  forget(id: string): void {
    this.#kept.delete(id);
    this.#loading.delete(id);
  }

  forgetWhere(isIt: (value: Value) => boolean): void {
    for (const [id, value] of this.#kept.entries()) if (isIt(value)) this.#kept.delete(id);
    // Which of what is being read it will be, nobody knows yet.
    this.#loading.clear();
  }

  clear(): void {
    this.#kept.clear();
    this.#loading.clear();
  }
}
