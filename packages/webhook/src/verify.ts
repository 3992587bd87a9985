import { timingSafeEqual } from 'node:crypto';
import { WebhookVerificationError } from './errors.ts';
import { type HeaderSource, readHeader } from './headers.ts';
import { decodeSecret } from './secret.ts';
import { digest } from './sign.ts';

/** As shown (`whsec_…`, or bare base64 as the reference library takes it), or already decoded. */
export type WebhookSecret = string | Uint8Array;

export interface VerifyOptions {
  /** Unix seconds; the clock of this machine by default. */
  now?: number;
  /** How far the timestamp may be from `now`, either way, in seconds. */
  toleranceSeconds?: number;
}

export interface VerifiedWebhook {
  /** The same on every try of one message: remember it to drop duplicates. */
  id: string;
  /** When this try was signed, in Unix seconds. */
  timestamp: number;
}

// The specification leaves the tolerance open; five minutes is what its reference libraries allow.
const TOLERANCE_SECONDS = 5 * 60;

function keyOf(secret: WebhookSecret): Uint8Array {
  if (typeof secret !== 'string') return secret;
  return decodeSecret(secret.startsWith('whsec_') ? secret : `whsec_${secret}`);
}

function readTimestamp(text: string, now: number, tolerance: number): number {
  // `Number` and `parseInt` also take "1e9", "0x5f", " 5" and "5 minutes".
  if (!/^\d+$/.test(text)) {
    throw new WebhookVerificationError('invalid_timestamp', 'the header webhook-timestamp is not in Unix seconds');
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

function matches(offered: readonly Buffer[], expected: string): boolean {
  const wanted = Buffer.from(expected);
  // The length of a signature is no secret, and timingSafeEqual throws on two lengths.
  return offered.some((signature) => signature.length === wanted.length && timingSafeEqual(signature, wanted));
}

/**
 * Says who sent `body`, or throws WebhookVerificationError with a `code`. Give the body as it was received: parsed and
 * printed JSON is other bytes. With several secrets, any of them may have signed. A malformed secret throws
 * WebhookSecretError, since that is a fault of the set-up and not of the request.
 */
export function verify(
  body: string | Uint8Array,
  headers: HeaderSource,
  secret: WebhookSecret | readonly WebhookSecret[],
  options: VerifyOptions = {},
): VerifiedWebhook {
  const secrets = typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret;
  const keys = secrets.map(keyOf);
  // An HMAC under an empty key is one that anybody can make.
  if (keys.length === 0 || keys.some((key) => key.length === 0)) {
    throw new WebhookVerificationError('no_secret', 'there is no secret to verify with');
  }

  const id = readHeader(headers, 'webhook-id');
  const timestampText = readHeader(headers, 'webhook-timestamp');
  const signatures = readHeader(headers, 'webhook-signature');
  const now = options.now ?? Date.now() / 1000;
  const timestamp = readTimestamp(timestampText, now, options.toleranceSeconds ?? TOLERANCE_SECONDS);

  const offered = signatures
    .split(' ')
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice('v1,'.length)));
  if (!keys.some((key) => matches(offered, digest(key, id, timestamp, body)))) {
    throw new WebhookVerificationError('no_matching_signature', 'no signature of this request matches');
  }
  return { id, timestamp };
}
