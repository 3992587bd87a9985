import { createHmac } from 'node:crypto';
import { isOffered } from './constant-time.ts';
import { WebhookVerificationError } from './errors.ts';
import { type HeaderSource, readHeader } from './headers.ts';
import { type Clock, readTimestamp } from './timestamp.ts';

/**
 * The scheme of many an older webhook: `X-<Brand>-Signature` is the hex HMAC-SHA256 of `{timestamp}.{body}`, and
 * `X-<Brand>-Timestamp` the timestamp. The key is the text of the secret as it is shown, prefix included.
 */

/** @param timestamp whole Unix seconds. @param body what goes over the wire, byte for byte. */
export function signHmacHex(secret: string, timestamp: number, body: string | Uint8Array): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

export interface HmacHexOptions extends Clock {
  /** In the names of the headers; `Postrider` unless told. */
  brand?: string;
  /** In place of those names, in any case of letters. */
  headers?: { timestamp?: string; signature?: string };
}

/**
 * Says when `body` was signed, or throws WebhookVerificationError with a `code`. With several secrets, any of them may
 * have signed; during a rotation the header holds several signatures, joined by commas. The `webhook-id` that comes along
 * is not signed: it tells duplicates apart where nobody means harm.
 */
export function verifyHmacHex(
  body: string | Uint8Array,
  headers: HeaderSource,
  secret: string | readonly string[],
  options: HmacHexOptions = {},
): { timestamp: number } {
  const secrets = typeof secret === 'string' ? [secret] : secret;
  // An HMAC under an empty key is one that anybody can make.
  if (secrets.length === 0 || secrets.includes('')) {
    throw new WebhookVerificationError('no_secret', 'there is no secret to verify with');
  }
  const brand = (options.brand ?? 'Postrider').toLowerCase();
  const timestampName = options.headers?.timestamp?.toLowerCase() ?? `x-${brand}-timestamp`;
  const timestampText = readHeader(headers, timestampName);
  const signatures = readHeader(headers, options.headers?.signature?.toLowerCase() ?? `x-${brand}-signature`);
  const timestamp = readTimestamp(timestampName, timestampText, options);

  const offered = signatures.split(',').map((signature) => Buffer.from(signature.trim()));
  if (!secrets.some((each) => isOffered(offered, signHmacHex(each, timestamp, body)))) {
    throw new WebhookVerificationError('no_matching_signature', 'no signature of this request matches');
  }
  return { timestamp };
}
