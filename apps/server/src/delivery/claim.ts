import { newId } from '../core/ids.ts';
import { grant } from '../core/lane.ts';
import type { Database, Queryable } from '../store/database.ts';
import { type Except, lockReadyLanes, type ReadyLane, type Turn, takeTurns } from '../store/lane.ts';
import { LEASE_MARGIN_MS, type LeasedDelivery, rehearseRecords } from '../store/lease.ts';

/** Lanes that get a turn in one claim. */
const LANES = 32;
/** The most that one lane gets in one turn: enough to keep it busy until its next. */
const TURN = 64;
/**
 * A pause holds its lane without an end, and whoever ends it, or deletes the endpoint, lets the lane go. A claim that comes
 * between holds it for so long only: who let it go may have been faster, and then nobody else would.
 */
const PAUSED_MS = 3_600_000;

const NOBODY: Except = { endpoints: [], applications: [] };
const NOTHING = { count: 0, isProbe: false, isMetered: false, tokens: 0, holdMs: 0, heldBy: null } as const;

export interface Room {
  /** Places free in all. */
  readonly free: number;
  /** For whom there is none. */
  readonly full: Except;
  /** How many each of these lanes may have, `most` or fewer. */
  allot(lanes: readonly ReadyLane[], most: number): number[];
  /**
   * Whether to walk past the lanes of an application that has had its share, to whoever stands behind them: each costs
   * the database 0.7 us, however many there are.
   */
  readonly mayWalk: boolean;
}

/** What a claim brought: the deliveries, how many lanes had a turn, and whether it walked past others. */
export interface Claimed {
  readonly deliveries: LeasedDelivery[];
  readonly lanes: number;
  readonly hasWalked: boolean;
}

/** One round of turns: those lanes that waited longest, each as much as it may send and we have room for. */
export async function claim(db: Database, room: Room): Promise<Claimed> {
  return db.transaction(async (tx) => {
    const first = await lockReadyLanes(tx, Math.min(LANES, room.free), room.full);
    let served = withPlace(first, room);
    const hasWalked = room.mayWalk && served.length < first.length;
    if (hasWalked) served = served.concat(await behind(tx, first, served, room));
    const places = placesOf(served, room);
    // A lane that there is no place for keeps its turn: the next claim passes it by, or has one for it.
    const turns = served.flatMap((lane, n) => turnOf(lane, places[n] ?? 0));
    const deliveries = turns.length > 0 ? await takeTurns(tx, turns) : [];
    return { deliveries, lanes: turns.length, hasWalked: hasWalked || room.full.applications.length > 0 };
  });
}

/**
 * Claims and records nothing, for the database to plan the statements before there is work: the embedded one has a single
 * session, and everything else stood behind the first claim (36 ms) and the first failure (12 ms).
 */
export async function rehearse(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await lockReadyLanes(tx, 0, NOBODY);
    await takeTurns(tx, [{ ...NOTHING, endpointId: newId(), places: null, isFifo: false, headId: null, count: 1 }]);
    await rehearseRecords(tx);
  });
}

function withPlace(lanes: readonly ReadyLane[], room: Room): ReadyLane[] {
  const places = placesOf(lanes, room);
  return lanes.filter((_, n) => (places[n] ?? 0) > 0);
}

function placesOf(lanes: readonly ReadyLane[], room: Room): number[] {
  return room.allot(lanes, Math.min(TURN, Math.max(1, Math.floor(room.free / Math.max(1, lanes.length)))));
}

/** Those behind lanes that came first and of which some found no place: theirs is an application that has had its share. */
function behind(tx: Queryable, first: readonly ReadyLane[], served: readonly ReadyLane[], room: Room) {
  const short = first.flatMap((lane) => (served.includes(lane) ? [] : (lane.application_id ?? [])));
  return lockReadyLanes(tx, Math.min(LANES, room.free) - served.length, {
    endpoints: [...room.full.endpoints, ...first.map((lane) => lane.endpoint_id)],
    applications: [...room.full.applications, ...short],
  });
}

function turnOf(lane: ReadyLane, max: number): Turn | [] {
  if (max === 0) return [];
  const base = {
    ...NOTHING,
    endpointId: lane.endpoint_id,
    places: lane.is_fifo ? 1 : lane.max_in_flight,
    isFifo: lane.is_fifo,
    headId: lane.head_id,
    tokens: lane.tokens,
  };
  if (lane.status === 'paused') return { ...base, holdMs: PAUSED_MS, heldBy: 'paused' };
  // Of an endpoint that is gone or switched off everything is let through, to end FAILED.
  if (lane.status !== 'active') return { ...base, places: null, isFifo: false, headId: null, count: max };
  const granted = grant(
    {
      circuit: lane.circuit,
      probeMs: lane.timeout_seconds * 1000 + LEASE_MARGIN_MS,
      rateLimit: lane.rate_limit,
      maxInFlight: lane.max_in_flight,
      isFifo: lane.is_fifo,
      inFlight: lane.in_flight,
      tokens: lane.tokens,
      tokensAt: lane.tokens_at,
      resumedAt: lane.resumed_at,
    },
    lane.now,
    max,
  );
  return { ...base, ...granted };
}
