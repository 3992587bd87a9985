/** Counts what is read of JSON, member by member: what a validation really does, beside what it says that it does. */
export class Reads {
  count = 0;
  readonly #known = new WeakMap<object, object>();

  /** The same JSON, each reading of which is counted. */
  of<Json>(json: Json): Json {
    if (typeof json !== 'object' || json === null) return json;
    const known = this.#known.get(json) ?? new Proxy(json, this.#handler);
    this.#known.set(json, known);
    return known as Json;
  }

  readonly #handler: ProxyHandler<object> = {
    get: (target, key) => {
      this.count++;
      return this.of(Reflect.get(target, key));
    },
    has: (target, key) => {
      this.count++;
      return Reflect.has(target, key);
    },
    getOwnPropertyDescriptor: (target, key) => {
      this.count++;
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
    ownKeys: (target) => {
      const keys = Reflect.ownKeys(target);
      this.count += keys.length;
      return keys;
    },
  };
}
