import type { Uuid } from '../core/ids.ts';
import type { LeasedDelivery } from '../store/lease.ts';

/** A delivery that this process holds the lease of. */
export interface InHand {
  readonly delivery: LeasedDelivery;
  /** When its lease began or earlier, by performance.now(). */
  readonly leasedAt: number;
  /** From its lane; not handed over by `ingest`. */
  readonly isClaimed: boolean;
  /** Called once it is in hand no longer, whatever became of it. */
  readonly onEnd?: (() => void) | undefined;
}

/** Who may have a place on the wire now. */
export interface Room {
  hasRoom(application: Uuid): boolean;
  /** Takes a place for this delivery, if there is one for its endpoint and its application. */
  take(delivery: LeasedDelivery): boolean;
}

type Queues = Map<Uuid, InHand[]>;

/**
 * Deliveries in hand that wait for a place on the wire: oldest first within an endpoint; endpoints in turn, and so are
 * applications. One that has had its share is passed by whole, however many endpoints of it wait: that is looked at
 * each time a delivery of anybody's ends.
 */
export class Waiting {
  readonly #applications = new Map<Uuid, Queues>();

  add(inHand: InHand): void {
    const { applicationId, endpointId } = inHand.delivery;
    const queues: Queues = this.#applications.get(applicationId) ?? new Map();
    this.#applications.set(applicationId, queues);
    const queue = queues.get(endpointId);
    if (queue) queue.push(inHand);
    else queues.set(endpointId, [inHand]);
  }

  has({ applicationId, endpointId }: Pick<LeasedDelivery, 'applicationId' | 'endpointId'>): boolean {
    return this.#applications.get(applicationId)?.has(endpointId) ?? false;
  }

  /** Takes out the next delivery that gets a place. Its endpoint then goes to the end, as does its application. */
  next(room: Room): InHand | undefined {
    for (const [application, queues] of this.#applications) {
      const next = room.hasRoom(application) ? nextOf(queues, room) : undefined;
      if (!next) continue;
      this.#applications.delete(application);
      if (queues.size > 0) this.#applications.set(application, queues);
      return next;
    }
    return undefined;
  }

  /** Takes out all whose lease began before. */
  takeOlderThan(leasedAt: number): InHand[] {
    const old: InHand[] = [];
    for (const [application, queues] of this.#applications) {
      for (const [endpoint, queue] of queues) {
        let count = queue.findIndex((each) => each.leasedAt >= leasedAt);
        if (count === -1) count = queue.length;
        old.push(...queue.splice(0, count));
        if (queue.length === 0) queues.delete(endpoint);
      }
      if (queues.size === 0) this.#applications.delete(application);
    }
    return old;
  }
}

function nextOf(queues: Queues, room: Room): InHand | undefined {
  for (const [endpoint, queue] of queues) {
    const [next] = queue;
    if (!next || !room.take(next.delivery)) continue;
    queue.shift();
    queues.delete(endpoint);
    if (queue.length > 0) queues.set(endpoint, queue);
    return next;
  }
  return undefined;
}
