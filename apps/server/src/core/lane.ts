import type { CircuitState } from './circuit.ts';

/**
 * How many deliveries of one endpoint may be claimed now, and when to look again. Pure: a lane's state and the time in,
 * a grant out. All times are milliseconds of the database's clock.
 */
export interface Lane {
  readonly circuit: CircuitState;
  /** Milliseconds that a probe may take before it counts as lost. */
  readonly probeMs: number;
  /** Deliveries per second; null for no limit. */
  readonly rateLimit: number | null;
  readonly maxInFlight: number | null;
  readonly isFifo: boolean;
  readonly inFlight: number;
  readonly tokens: number;
  readonly tokensAt: number | null;
  /** When a hold ended; what piled up meanwhile is let out slowly. */
  readonly resumedAt: number | null;
}

export interface Grant {
  readonly count: number;
  /** The one delivery of a half open circuit. */
  readonly isProbe: boolean;
  /** Not to be looked at again for so long; 0: no hold. */
  readonly holdMs: number;
  readonly heldBy: 'circuit_open' | 'rate_limit' | null;
  /** Left once all of `count` is taken. */
  readonly tokens: number;
  /** Each one taken costs a token. */
  readonly isMetered: boolean;
}

/**
 * What is left of a grant of which not all was taken, because no more was due: the rest is not spent, nor waited for. A
 * probe that nothing was there for is not out, and whatever comes next is the probe.
 */
export function afterTaking<G extends Omit<Grant, 'heldBy'> & { readonly heldBy: string | null }>(
  granted: G,
  taken: number,
): G {
  if (granted.isProbe && taken === 0) return { ...granted, holdMs: 0, heldBy: null };
  if (!granted.isMetered || taken >= granted.count) return granted;
  return { ...granted, tokens: granted.tokens + granted.count - taken, holdMs: 0, heldBy: null };
}

/** Slow start: so many deliveries per second at first, twice as many each second. */
const DRAIN_RATE = 10;
const DRAIN_SECONDS = 8;

/** @param max the most that a claim takes from one lane in one turn. */
export function grant(lane: Lane, now: number, max: number): Grant {
  const none = { count: 0, isProbe: false, holdMs: 0, heldBy: null, tokens: lane.tokens, isMetered: false } as const;
  const places = Math.min(max, placesFree(lane));
  // Nothing to wait for here: whoever frees a place wakes the lane.
  if (places <= 0) return none;
  if (lane.circuit !== 'closed') {
    return { ...none, count: 1, isProbe: true, holdMs: lane.probeMs, heldBy: 'circuit_open' };
  }
  const rate = Math.min(lane.rateLimit ?? Number.POSITIVE_INFINITY, drainRate(lane, now));
  if (rate === Number.POSITIVE_INFINITY) return { ...none, count: places };
  const tokens = refilled(lane, rate, now);
  const count = Math.min(places, Math.floor(tokens));
  const left = tokens - count;
  const metered = { ...none, count, tokens: left, isMetered: true };
  if (count === places) return metered;
  return { ...metered, holdMs: Math.ceil(((1 - left) * 1000) / rate), heldBy: 'rate_limit' };
}

function placesFree(lane: Lane): number {
  const most = lane.isFifo ? 1 : (lane.maxInFlight ?? Number.POSITIVE_INFINITY);
  return most - lane.inFlight;
}

function drainRate(lane: Lane, now: number): number {
  if (lane.resumedAt === null) return Number.POSITIVE_INFINITY;
  const seconds = Math.max(0, (now - lane.resumedAt) / 1000);
  return seconds >= DRAIN_SECONDS ? Number.POSITIVE_INFINITY : DRAIN_RATE * 2 ** Math.floor(seconds);
}

/** A bucket of one second's worth, at least one token, full at first. */
function refilled(lane: Lane, rate: number, now: number): number {
  const size = Math.max(1, rate);
  if (lane.tokensAt === null) return size;
  return Math.min(size, lane.tokens + (Math.max(0, now - lane.tokensAt) * rate) / 1000);
}
