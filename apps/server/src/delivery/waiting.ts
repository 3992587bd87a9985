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

/** Deliveries in hand that wait for a place on the wire: oldest first within an endpoint, endpoints in turn. */
export class Waiting {
  readonly #queues = new Map<Uuid, InHand[]>();

  add(inHand: InHand): void {
    const { endpointId } = inHand.delivery;
    const queue = this.#queues.get(endpointId);
    if (queue) queue.push(inHand);
    else this.#queues.set(endpointId, [inHand]);
  }

  has(endpoint: Uuid): boolean {
    return this.#queues.has(endpoint);
  }

  /** Takes out the next delivery of the first endpoint in turn that may start one; that endpoint then goes to the end. */
  next(mayStart: (delivery: LeasedDelivery) => boolean): InHand | undefined {
    for (const [endpoint, queue] of this.#queues) {
      const [next] = queue;
      if (!next || !mayStart(next.delivery)) continue;
      queue.shift();
      this.#queues.delete(endpoint);
      if (queue.length > 0) this.#queues.set(endpoint, queue);
      return next;
    }
    return undefined;
  }

  /** Takes out all whose lease began before. */
  takeOlderThan(leasedAt: number): InHand[] {
    const old: InHand[] = [];
    for (const [endpoint, queue] of this.#queues) {
      let count = queue.findIndex((each) => each.leasedAt >= leasedAt);
      if (count === -1) count = queue.length;
      old.push(...queue.splice(0, count));
      if (queue.length === 0) this.#queues.delete(endpoint);
    }
    return old;
  }
}
