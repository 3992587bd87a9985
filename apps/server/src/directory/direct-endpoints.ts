import { LRUCache } from 'lru-cache';
import type { Endpoint } from '../core/endpoint.ts';
import type { Uuid } from '../core/ids.ts';

/** Twice what a worker has in hand: what was just accepted is still known when it is sent. */
const MAX_KEPT = 4_096;

/** Of an application's direct endpoints, those that were lately sent to. There may be a million, so never all of them. */
export class DirectEndpoints {
  readonly #byId = new LRUCache<Uuid, Endpoint>({ max: MAX_KEPT });
  readonly #byUrl = new LRUCache<string, Endpoint>({ max: MAX_KEPT });

  get(id: Uuid): Endpoint | undefined {
    return this.#byId.get(id);
  }

  /** The one of this URL as it is written. */
  of(url: string): Endpoint | undefined {
    return this.#byUrl.get(url);
  }

  /** @param endpoint as it was read after its application was. */
  keep(endpoint: Endpoint): void {
    this.#byId.set(endpoint.id, endpoint);
    this.#byUrl.set(endpoint.url, endpoint);
  }
}
