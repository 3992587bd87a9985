import { bucketOf, emptyHistogram } from './latency-histogram.ts';

/** What was counted of an endpoint, an application or an environment in some span of time. */
export interface Tally {
  /** Deliveries made. */
  accepted: number;
  /** Deliveries that ended. One that is retried by hand ends again. */
  sent: number;
  failed: number;
  /** Attempts without a 2xx, by what came instead. */
  readonly failures: Record<FailureClass, number>;
  /** How long it took to be answered, or not to be (core/latency-histogram.ts). */
  readonly latency: number[];
}

/**
 * - `timeout`: no answer in time, at whatever stage
 * - `connection`: no name, no connection, no handshake, or one that broke
 * - `http_4xx`, `http_5xx`: what it answered
 * - `other`: a redirect, an answer that is not HTTP, a request that we would not make
 */
export const FAILURE_CLASSES = ['timeout', 'connection', 'http_4xx', 'http_5xx', 'other'] as const;
export type FailureClass = (typeof FAILURE_CLASSES)[number];

type Answer =
  | { readonly kind: 'response'; readonly status: number }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'published' };

export function newTally(): Tally {
  const failures = { timeout: 0, connection: 0, http_4xx: 0, http_5xx: 0, other: 0 };
  return { accepted: 0, sent: 0, failed: 0, failures, latency: emptyHistogram() };
}

export function addTally(sum: Tally, more: Tally): void {
  sum.accepted += more.accepted;
  sum.sent += more.sent;
  sum.failed += more.failed;
  for (const each of FAILURE_CLASSES) sum.failures[each] += more.failures[each];
  for (let bucket = 0; bucket < sum.latency.length; bucket++) {
    sum.latency[bucket] = (sum.latency[bucket] ?? 0) + (more.latency[bucket] ?? 0);
  }
}

/**
 * Counts one attempt. What never reached the endpoint, such as a refused connection, says nothing of how fast it
 * answers and has no latency here; a timeout has.
 *
 * @param status what the delivery is after it: SENT where it succeeded.
 */
export function countAttempt(
  tally: Tally,
  answer: Answer,
  status: 'SENT' | 'PENDING' | 'FAILED',
  durationMs: number,
): void {
  const failure = status === 'SENT' || answer.kind === 'published' ? null : failureClass(answer);
  if (failure === null) tally.sent++;
  else tally.failures[failure]++;
  if (status === 'FAILED') tally.failed++;
  if (answer.kind === 'error' && failure !== 'timeout') return;
  const bucket = bucketOf(durationMs);
  tally.latency[bucket] = (tally.latency[bucket] ?? 0) + 1;
}

export function failureClass(answer: Exclude<Answer, { kind: 'published' }>): FailureClass {
  if (answer.kind === 'response') {
    if (answer.status >= 500) return 'http_5xx';
    return answer.status >= 400 ? 'http_4xx' : 'other';
  }
  if (answer.code.endsWith('timeout')) return 'timeout';
  return /^(dns|connection|tls|certificate)_|^(response_truncated|broker_unreachable)$/.test(answer.code)
    ? 'connection'
    : 'other';
}

export function failuresOf(tally: Tally): number {
  return FAILURE_CLASSES.reduce((sum, each) => sum + tally.failures[each], 0);
}
