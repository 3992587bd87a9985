import type { DisabledReason } from './endpoint.ts';
import { nextDelay, parseRetryAfter, type RetryPolicy } from './retry-policy.ts';

/**
 * The life of a delivery:
 *
 *   PENDING ──claim──▶ SENDING ──2xx──▶ SENT      (or a broker has confirmed it)
 *      ▲                  │
 *      ├── try again ─────┤
 *      ├── lease ended ───┤  (a worker died; somebody else takes over)
 *      │                  └─ exhausted, gone, or its endpoint switched off ──▶ FAILED
 *      └── retried by hand ◀─────────────────────────────────────────────────────┘
 */
export type DeliveryStatus = 'PENDING' | 'SENDING' | 'SENT' | 'FAILED';

/** Why an attempt was made. */
export type Trigger = 'scheduled' | 'manual' | 'test' | 'probe' | 'replay';

/** What came back from one try, as far as a decision depends on it. */
export type Answer =
  | { readonly kind: 'response'; readonly status: number; readonly retryAfter: string | undefined }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'published' };

export type Decision =
  | { readonly status: 'SENT' }
  | { readonly status: 'PENDING'; readonly delayMs: number }
  | { readonly status: 'FAILED'; readonly disable: DisabledReason | null };

/**
 * What becomes of a delivery after an attempt.
 *
 * Success is 2xx, or that a broker has it, and nothing else: a redirect is a failure. 410 says that nobody lives there any more: the endpoint is
 * disabled at once. All else is tried again as the policy says. A policy may disable the endpoint when its schedule is
 * through; an attempt beside it (by hand, in a replay, a test) ends none. Where retries follow one, these are a schedule.
 *
 * @param trigger of this attempt.
 * @param attempts made so far, this one included.
 * @param now milliseconds since 1970, to read a Retry-After date by.
 * @param random in [0, 1), for jitter.
 */
export function decide(
  answer: Answer,
  policy: RetryPolicy,
  trigger: Trigger,
  attempts: number,
  now: number,
  random: number,
): Decision {
  if (answer.kind === 'published') return { status: 'SENT' };
  if (answer.kind === 'response') {
    if (answer.status >= 200 && answer.status < 300) return { status: 'SENT' };
    if (answer.status === 410) return { status: 'FAILED', disable: 'gone' };
  }
  const retryAfter = answer.kind === 'response' ? parseRetryAfter(answer.retryAfter, now) : null;
  const delayMs = nextDelay(policy, attempts, retryAfter, random);
  if (delayMs !== null) return { status: 'PENDING', delayMs };
  const disables = policy.onExhausted === 'disable_endpoint' && isOfSchedule(trigger, policy, attempts);
  return { status: 'FAILED', disable: disables ? 'retries_exhausted' : null };
}

function isOfSchedule(trigger: Trigger, { delays }: RetryPolicy, attempts: number): boolean {
  // What is retried by hand can be the one that probes an open circuit.
  return trigger === 'scheduled' || (trigger === 'probe' && attempts <= delays.length + 1);
}
