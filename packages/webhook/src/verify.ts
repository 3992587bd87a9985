import { KeyObject } from 'node:crypto';
import { isOffered } from './constant-time.ts';
import { decodeEd25519PublicKey, isSignedBy } from './ed25519.ts';
import { WebhookVerificationError } from './errors.ts';
import { type HeaderSource, readHeader } from './headers.ts';
import { decodeSecret } from './secret.ts';
import { digest } from './sign.ts';
import { type Clock, readTimestamp } from './timestamp.ts';

/**
 * A shared secret as shown (`whsec_…`, or bare base64 as the reference library takes it) or decoded; or the sender's
 * public key, as shown (`whpk_…`) or decoded.
 */
export type WebhookSecret = string | Uint8Array | KeyObject;

export interface VerifyOptions extends Clock {
  /** Names of the headers, where the sender has names of its own; in any case of letters. */
  headers?: { id?: string; timestamp?: string; signature?: string };
}

export interface VerifiedWebhook {
  /** The same on every try of one message: remember it to drop duplicates. */
  id: string;
  /** When this try was signed, in Unix seconds. */
  timestamp: number;
}

function keyOf(secret: WebhookSecret): Uint8Array | KeyObject {
  if (typeof secret !== 'string') return secret;
  if (secret.startsWith('whpk_')) return decodeEd25519PublicKey(secret);
  return decodeSecret(secret.startsWith('whsec_') ? secret : `whsec_${secret}`);
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
  const secrets = isList(secret) ? secret : [secret];
  const keys = secrets.map(keyOf);
  // An HMAC under an empty key is one that anybody can make.
  if (keys.length === 0 || keys.some((key) => !(key instanceof KeyObject) && key.length === 0)) {
    throw new WebhookVerificationError('no_secret', 'there is no secret to verify with');
  }

  const names = options.headers;
  const timestampName = names?.timestamp?.toLowerCase() ?? 'webhook-timestamp';
  const id = readHeader(headers, names?.id?.toLowerCase() ?? 'webhook-id');
  const timestampText = readHeader(headers, timestampName);
  const signatures = readHeader(headers, names?.signature?.toLowerCase() ?? 'webhook-signature').split(' ');
  const timestamp = readTimestamp(timestampName, timestampText, options);

  const symmetric = ofVersion('v1,', signatures).map((signature) => Buffer.from(signature));
  const asymmetric = ofVersion('v1a,', signatures);
  const isGenuine = keys.some((key) =>
    key instanceof KeyObject
      ? isSignedBy(key, asymmetric, id, timestamp, body)
      : isOffered(symmetric, digest(key, id, timestamp, body)),
  );
  if (!isGenuine) throw new WebhookVerificationError('no_matching_signature', 'no signature of this request matches');
  return { id, timestamp };
}

function ofVersion(prefix: string, signatures: readonly string[]): string[] {
  return signatures.filter((each) => each.startsWith(prefix)).map((each) => each.slice(prefix.length));
}

function isList(secret: WebhookSecret | readonly WebhookSecret[]): secret is readonly WebhookSecret[] {
  return Array.isArray(secret);
}
