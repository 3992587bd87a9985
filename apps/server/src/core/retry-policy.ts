/**
 * When a failed delivery is tried again: pure data in, a delay out.
 *
 * A policy is a list of delays in seconds, one before each retry; the first attempt is always at once. So a policy of
 * n delays makes at most n + 1 attempts.
 */
export interface RetryPolicy {
  /** Seconds before retry 1, 2, … Each 0 to 604,800. At most 50. */
  readonly delays: readonly number[];
  /** What happens after the last one has failed. */
  readonly onExhausted: OnExhausted;
}

/** The delivery is a dead letter in any case; `disable_endpoint`: its endpoint is disabled besides. */
export type OnExhausted = 'dead_letter' | 'disable_endpoint';

const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The named policies, as docs/retries.md shows them. */
export const NAMED_POLICIES = {
  default: {
    delays: [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR],
    onExhausted: 'dead_letter',
  },
  extended: {
    delays: [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 24 * HOUR],
    onExhausted: 'disable_endpoint',
  },
} as const satisfies Record<string, RetryPolicy>;

/** A name, or an endpoint's own list of delays in seconds. */
export type RetryDelays = keyof typeof NAMED_POLICIES | readonly number[];

/** A policy as an endpoint carries it: delays, and what follows them where that is not what the delays' policy says. */
export type RetryPolicySetting = RetryDelays | { readonly delays: RetryDelays; readonly on_exhausted?: OnExhausted };

export const MAX_RETRIES = 50;
export const MAX_RETRY_DELAY_SECONDS = 7 * 24 * HOUR;
/** A `Retry-After` is obeyed up to here. */
const MAX_RETRY_AFTER_SECONDS = 24 * HOUR;

export const DEFAULT_POLICY: RetryPolicy = NAMED_POLICIES.default;

/** What a setting means. One that means nothing, as a later version or a hand may have stored it, is the default. */
export function retryPolicy(setting: RetryPolicySetting): RetryPolicy {
  if (typeof setting === 'string')
    return Object.hasOwn(NAMED_POLICIES, setting) ? NAMED_POLICIES[setting] : DEFAULT_POLICY;
  if (isDelays(setting)) return { delays: setting, onExhausted: 'dead_letter' };
  if (!setting || !('delays' in setting)) return DEFAULT_POLICY;
  const { delays, onExhausted } = retryPolicy(setting.delays);
  return { delays, onExhausted: setting.on_exhausted ?? onExhausted };
}

function isDelays(setting: unknown): setting is readonly number[] {
  return Array.isArray(setting) && setting.every((delay) => delay >= 0 && delay <= MAX_RETRY_DELAY_SECONDS);
}

/**
 * Milliseconds until the next attempt, or null where the policy is exhausted.
 *
 * Jitter only ever adds, up to a fifth: a retry is never sooner than the policy promises, and a receiver that came back
 * does not meet everything it refused in the same instant.
 *
 * @param attempts how many attempts were made, 1 and up.
 * @param retryAfterSeconds what the receiver asked for: a minimum, capped at 24 h.
 * @param random in [0, 1).
 */
export function nextDelay(
  policy: RetryPolicy,
  attempts: number,
  retryAfterSeconds: number | null,
  random: number,
): number | null {
  const delay = policy.delays[attempts - 1];
  if (delay === undefined) return null;
  const jittered = delay * (1 + random / 5);
  const asked = Math.min(retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS);
  return Math.round(Math.max(jittered, asked) * 1000);
}

/**
 * Reads a `Retry-After` header: seconds, or an HTTP date (RFC 9110, 10.2.3).
 *
 * @returns seconds from `now` (milliseconds since 1970), never negative; null where it says nothing we understand.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text);
  // Only the date forms of the RFC begin with a day's name; Date.parse alone would take "3.5" for a month.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return null;
  // The oldest form names no zone and means GMT, which Date.parse would take for the zone of this machine.
  const date = Date.parse(/ \d{4}$/.test(text) ? `${text} GMT` : text);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}
