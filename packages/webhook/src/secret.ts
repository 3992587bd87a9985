import { randomBytes } from 'node:crypto';
import { strictBase64 } from './base64.ts';
import { WebhookSecretError } from './errors.ts';

const PREFIX = 'whsec_';

// The Standard Webhooks specification: "between 24 bytes (192 bits) and 64 bytes (512 bits)".
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** A new signing secret of 24 to 64 random bytes, as it is shown to people. */
export function generateSecret(bytes = 32): string {
  if (!Number.isInteger(bytes) || bytes < MIN_BYTES || bytes > MAX_BYTES) {
    throw new WebhookSecretError(`a webhook secret has ${MIN_BYTES} to ${MAX_BYTES} bytes, not ${bytes}`);
  }
  return PREFIX + randomBytes(bytes).toString('base64');
}

/** The key bytes of a shown secret. Throws WebhookSecretError for anything but `whsec_` and strict base64 of 24-64 bytes. */
export function decodeSecret(secret: string): Uint8Array {
  if (!secret.startsWith(PREFIX)) throw new WebhookSecretError(`a webhook secret starts with ${PREFIX}`);
  const encoded = secret.slice(PREFIX.length);
  const key = strictBase64(encoded);
  if (!key) throw new WebhookSecretError('what follows the prefix of a webhook secret is padded standard base64');
  if (key.length < MIN_BYTES || key.length > MAX_BYTES) {
    throw new WebhookSecretError(`a webhook secret has ${MIN_BYTES} to ${MAX_BYTES} bytes, not ${key.length}`);
  }
  return key;
}
