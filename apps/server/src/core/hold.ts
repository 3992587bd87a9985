import type { CircuitState } from './circuit.ts';
import type { EndpointStatus } from './endpoint.ts';
import type { Uuid } from './ids.ts';

/** What keeps a delivery that waits from being sent. Holding it spends no attempt. */
export type HeldBy = 'paused' | 'circuit_open' | 'rate_limit' | 'fifo';

/** A delivery that waits, and the lane that it waits in. */
export interface Waiting {
  readonly id: Uuid;
  readonly dueAt: Date;
  readonly attemptCount: number;
  readonly endpointStatus: EndpointStatus;
  readonly circuit: CircuitState;
  readonly isFifo: boolean;
  /** Fifo: whose turn it is. Null where that is decided when what is in flight has ended. */
  readonly headId: Uuid | null;
  readonly maxInFlight: number | null;
  readonly inFlight: number;
  /** The lane's own hold. */
  readonly heldBy: 'paused' | 'circuit_open' | 'rate_limit' | null;
  readonly heldUntil: Date | null;
}

export interface Hold {
  readonly heldBy: HeldBy | null;
  /** When it may go on, where that is known. */
  readonly heldUntil: Date | null;
  /** The delivery that it is behind. */
  readonly waitsFor: Uuid | null;
}

export const NOT_HELD: Hold = { heldBy: null, heldUntil: null, waitsFor: null };

/**
 * Why a delivery waits that is not held up by its own schedule alone. Of several reasons the one that stands for longest:
 * a person, then the endpoint's health, then who is before it, then how fast it may go. Every place taken counts as a
 * rate limit: so many at once is a limit like so many a second, and when it ends is not known.
 */
export function holdOf(waiting: Waiting, now: Date): Hold {
  if (waiting.endpointStatus === 'disabled') return NOT_HELD;
  if (waiting.endpointStatus === 'paused') return { ...NOT_HELD, heldBy: 'paused' };
  const laneUntil = waiting.heldUntil && waiting.heldUntil > now ? waiting.heldUntil : null;
  if (waiting.circuit !== 'closed') return { ...NOT_HELD, heldBy: 'circuit_open', heldUntil: laneUntil };
  // Not in line before its time (`deliver_at`).
  if (waiting.attemptCount === 0 && waiting.dueAt > now) return NOT_HELD;
  if (waiting.isFifo && waiting.headId !== waiting.id) return { ...NOT_HELD, heldBy: 'fifo', waitsFor: waiting.headId };
  if (waiting.dueAt > now) return NOT_HELD;
  if (waiting.heldBy === 'rate_limit' && laneUntil) {
    return { ...NOT_HELD, heldBy: 'rate_limit', heldUntil: laneUntil };
  }
  const isFull = waiting.maxInFlight !== null && waiting.inFlight >= waiting.maxInFlight;
  return isFull ? { ...NOT_HELD, heldBy: 'rate_limit' } : NOT_HELD;
}
