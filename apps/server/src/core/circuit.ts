import { isOurs } from './attempt-error.ts';

/**
 * The circuit breaker of an endpoint. Pure: what was seen goes in, what to do comes out.
 *
 *   closed ──a run of failures, or a high rate──▶ open ──cooldown──▶ half_open ──success──▶ closed, draining slowly
 *                                                  ▲                     │
 *                                                  └──── failure ────────┘  a longer cooldown
 *
 * While open, deliveries are held and spend no attempt. Half open, one of them is the probe.
 */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** So many failures in a row open it. */
export const RUN_LIMIT = 10;
/**
 * At least so many results within the window, and at least this share of them failed: that opens it too. Well above a
 * half: at 50 % of 20, a receiver that fails a third of its requests was held again and again, and got three deliveries
 * a second where it took two out of three of all that were sent.
 */
export const RATE_MIN_RESULTS = 50;
const RATE_LIMIT = 0.8;
/** Half of the sliding window, ms. */
export const WINDOW_MS = 30_000;

const FIRST_COOLDOWN_MS = 10_000;
const MAX_COOLDOWN_MS = 10 * 60_000;

interface Tally {
  readonly results: number;
  readonly failures: number;
}

/** What one process has seen of an endpoint lately. */
export interface Health {
  readonly run: number;
  readonly windowStart: number;
  readonly current: Tally;
  readonly previous: Tally;
}

const NOTHING: Tally = { results: 0, failures: 0 };

export function newHealth(now: number): Health {
  return { run: 0, windowStart: now, current: NOTHING, previous: NOTHING };
}

/** @param now monotonic milliseconds, never less than before. */
export function observe(health: Health, isFailure: boolean, now: number): Health {
  const age = now - health.windowStart;
  const moved =
    age < WINDOW_MS
      ? health
      : {
          ...health,
          windowStart: now,
          current: NOTHING,
          previous: age < 2 * WINDOW_MS ? health.current : NOTHING,
        };
  return {
    ...moved,
    run: isFailure ? moved.run + 1 : 0,
    current: { results: moved.current.results + 1, failures: moved.current.failures + (isFailure ? 1 : 0) },
  };
}

export function shouldOpen({ run, current, previous }: Health): boolean {
  if (run >= RUN_LIMIT) return true;
  const results = current.results + previous.results;
  const failures = current.failures + previous.failures;
  // A rate alone, long after the last failure, opens nothing.
  return run > 0 && results >= RATE_MIN_RESULTS && failures / results >= RATE_LIMIT;
}

/** Nothing worth remembering: no failure in either half of the window. */
export function isHealthy(health: Health): boolean {
  return health.run === 0 && health.current.failures + health.previous.failures === 0;
}

/**
 * How long it stays open before a probe: 10 s, then twice as long each time it opens again, up to 10 min; up to a fifth
 * more, so that what broke together is not probed together.
 *
 * @param openings how often it has opened in a row, 1 and up.
 * @param random in [0, 1).
 */
export function cooldownMs(openings: number, random: number): number {
  return Math.round(Math.min(FIRST_COOLDOWN_MS * 2 ** (openings - 1), MAX_COOLDOWN_MS) * (1 + random / 5));
}

/**
 * True where an answer says that the endpoint cannot be reached or cope. A 400 or 404 is a live server's opinion of one
 * message: it fails the delivery and says nothing of the next one; so is a broker's that it is too large.
 */
export function speaksAgainstEndpoint(
  answer:
    | { readonly kind: 'response'; readonly status: number }
    | { readonly kind: 'error'; readonly code: string }
    | { readonly kind: 'published' },
): boolean {
  if (answer.kind === 'published') return false;
  if (answer.kind === 'error') return answer.code !== 'broker_too_large' && !isOurs(answer.code);
  return answer.status >= 500 || answer.status === 408 || answer.status === 425 || answer.status === 429;
}
