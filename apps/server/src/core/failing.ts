/**
 * When an endpoint that does nothing but fail is switched off.
 *
 * A run of failures begins with the first attempt that is not answered with a 2xx, and every attempt counts, whoever or
 * whatever made it. It is over with the first 2xx, and also after a long silence: an endpoint to which nothing was sent
 * meanwhile has not been failing all that time. The endpoint is disabled once its run has lasted long enough, from its
 * first failure to its latest.
 */
export interface FailingRule {
  /** From the first failure of a run to its latest, ms. */
  readonly spanMs: number;
  /** So long without any attempt, and the next failure begins a new run, ms. */
  readonly quietMs: number;
  /** A run has at least so many attempts. */
  readonly minFailures: number;
}

const DAY_MS = 86_400_000;

/**
 * Five days. Silence is two days, more than the longest wait of the named retry policies (24 h and
 * jitter), so that one delivery alone keeps a run going. Ten failures are more than one delivery makes under either:
 * one bad message does not end an endpoint.
 */
export const FAILING_RULE: FailingRule = { spanMs: 5 * DAY_MS, quietMs: 2 * DAY_MS, minFailures: 10 };
