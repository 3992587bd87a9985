import { WebhookVerificationError } from './errors.ts';

// The specification leaves the tolerance open; five minutes is what its reference libraries allow.
export const TOLERANCE_SECONDS = 5 * 60;

export interface Clock {
  /** Unix seconds; the clock of this machine by default. */
  now?: number;
  /** How far the timestamp may be from `now`, either way, in seconds. */
  toleranceSeconds?: number;
}

/** The Unix seconds that a header says, if they are near enough. Throws WebhookVerificationError. */
export function readTimestamp(name: string, text: string, clock: Clock): number {
  const { now = Date.now() / 1000, toleranceSeconds: tolerance = TOLERANCE_SECONDS } = clock;
  // `Number` and `parseInt` also take "1e9", "0x5f", " 5" and "5 minutes".
  if (!/^\d+$/.test(text)) {
    throw new WebhookVerificationError('invalid_timestamp', `the header ${name} is not in Unix seconds`);
  }
  const timestamp = Number(text);
  if (timestamp < now - tolerance) {
    throw new WebhookVerificationError('timestamp_too_old', `it was signed more than ${tolerance} s ago`);
  }
  if (timestamp > now + tolerance) {
    throw new WebhookVerificationError('timestamp_too_new', `it was signed more than ${tolerance} s from now`);
  }
  return timestamp;
}
