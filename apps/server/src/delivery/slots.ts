import type { Uuid } from '../core/ids.ts';
import type { Except, ReadyLane } from '../store/lane.ts';
import { Holders } from './holders.ts';

/** An endpoint may hold as many places as are still free: one alone has half of them, n have n/(n+1). */
const ENDPOINT_WEIGHT = 1;
/**
 * An application may hold seven times as many as are still free: one alone has 7/8 of them, n have 7n/(7n+1). Enough to be
 * next to nothing to an installation that has only one (it loses what its eighth endpoint that is as slow would have
 * left), and a thousand slow endpoints of one customer leave an eighth to all others, not a thousandth.
 */
const APPLICATION_WEIGHT = 7;

/**
 * Places for deliveries in flight in this process. A place is its endpoint's and its application's, and either may have
 * had its share.
 */
export class Slots {
  readonly #capacity: number;
  readonly #endpoints: Holders;
  readonly #applications = new Holders(APPLICATION_WEIGHT);
  #total = 0;

  /** @param ceiling the most that an endpoint may have, however many are free. */
  constructor(capacity: number, ceiling?: (endpoint: Uuid) => number) {
    this.#capacity = capacity;
    this.#endpoints = new Holders(ENDPOINT_WEIGHT, ceiling);
  }

  get free(): number {
    return this.#capacity - this.#total;
  }

  get taken(): number {
    return this.#total;
  }

  /** Takes a place if there is room for this endpoint of this application. @param leave so many fewer than there might be. */
  take(application: Uuid, endpoint: Uuid, leave = 0): boolean {
    const free = this.free - leave;
    if (!this.#endpoints.hasRoom(endpoint, free) || !this.#applications.hasRoom(application, free)) return false;
    this.occupy(application, endpoint);
    return true;
  }

  /** Whether this application may have another. @param leave so many fewer than there might be. */
  hasRoomIn(application: Uuid, leave = 0): boolean {
    return this.#applications.hasRoom(application, this.free - leave);
  }

  /** Takes a place whether or not there is room: the delivery is in hand already. */
  occupy(application: Uuid, endpoint: Uuid): void {
    this.#endpoints.add(endpoint);
    this.#applications.add(application);
    this.#total++;
  }

  giveBack(application: Uuid, endpoint: Uuid): void {
    this.#endpoints.remove(endpoint);
    this.#applications.remove(application);
    this.#total--;
  }

  /** For whom there is no place now. */
  full(): Except {
    return { endpoints: this.#endpoints.full(this.free), applications: this.#applications.full(this.free) };
  }

  /** Whether there is a place again for any of those for whom there was none. */
  hasRoomForAny({ endpoints, applications }: Except): boolean {
    const { free } = this;
    return (
      endpoints.some((endpoint) => this.#endpoints.hasRoom(endpoint, free)) ||
      applications.some((application) => this.#applications.hasRoom(application, free))
    );
  }

  /**
   * How many each of these lanes may have, `most` or fewer. What one is promised is free no longer for the next; lanes of
   * one application share what that may have, so that the first do not use it up. A lane of an endpoint that is gone
   * has no application, and what leaves it is not sent.
   */
  allot(lanes: readonly Pick<ReadyLane, 'application_id' | 'endpoint_id'>[], most: number): number[] {
    const toServe = new Map<Uuid, number>();
    for (const { application_id: id } of lanes) if (id) toServe.set(id, (toServe.get(id) ?? 0) + 1);
    const promised = new Map<Uuid, number>();
    let free = this.free;
    return lanes.map(({ application_id: id, endpoint_id }) => {
      let count = Math.min(most, this.#endpoints.roomFor(endpoint_id, free));
      if (id) {
        const [left, had] = [toServe.get(id) ?? 1, promised.get(id) ?? 0];
        count = Math.min(count, Math.ceil(this.#applications.roomFor(id, free, had) / left));
        toServe.set(id, left - 1);
        promised.set(id, had + count);
      }
      free -= count;
      return count;
    });
  }
}
