import {
  createPrivateKey,
  createPublicKey,
  sign as edSign,
  verify as edVerify,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { strictBase64 } from './base64.ts';
import { WebhookSecretError } from './errors.ts';

/** Standard Webhooks with a key pair: who verifies holds nothing to sign with. */

const SECRET_PREFIX = 'whsk_';
const PUBLIC_PREFIX = 'whpk_';
const BYTES = 32;

// RFC 8410: all that comes before the 32 bytes in the DER of a private (PKCS #8) and a public key (SPKI).
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Binds a derived key to its use: another version of it would be another key. */
const DERIVATION = 'postrider ed25519 v1';

/** A new private key as it is shown to its owner: `whsk_` and the base64 of seed and public key, 64 bytes. */
export function generateEd25519Secret(): string {
  const seed = randomBytes(BYTES);
  const publicKey = rawPublicKey(keyOfSeed(seed));
  return SECRET_PREFIX + Buffer.concat([seed, publicKey]).toString('base64');
}

/**
 * The private key of a shown secret: `whsk_` and strict base64 of the seed (32 bytes), or of seed and public key (64 bytes,
 * as libsodium and other Standard Webhooks senders write it). Throws WebhookSecretError for anything else.
 */
export function decodeEd25519Secret(secret: string): KeyObject {
  const bytes = decode(secret, SECRET_PREFIX, 'a private key');
  if (bytes.length !== BYTES && bytes.length !== 2 * BYTES) {
    throw new WebhookSecretError(`a private key has ${BYTES} or ${2 * BYTES} bytes, not ${bytes.length}`);
  }
  const key = keyOfSeed(bytes.subarray(0, BYTES));
  if (bytes.length > BYTES && !rawPublicKey(key).equals(bytes.subarray(BYTES))) {
    throw new WebhookSecretError('the two halves of this private key do not belong together');
  }
  return key;
}

/**
 * The key pair that belongs to a shared secret, always the same: the seed is HKDF-SHA256 of the secret's bytes, with no
 * salt and the info `postrider ed25519 v1`. So a sender can change over to ed25519 and keep its secrets.
 */
export function deriveEd25519Key(key: Uint8Array): KeyObject {
  return keyOfSeed(Buffer.from(hkdfSync('sha256', key, '', DERIVATION, BYTES)));
}

/** `whpk_…`, for whoever is to verify. */
export function ed25519PublicKey(key: KeyObject): string {
  return PUBLIC_PREFIX + rawPublicKey(key).toString('base64');
}

/** Throws WebhookSecretError for anything but `whpk_` and strict base64 of 32 bytes. */
export function decodeEd25519PublicKey(text: string): KeyObject {
  const bytes = decode(text, PUBLIC_PREFIX, 'a public key');
  if (bytes.length !== BYTES) {
    throw new WebhookSecretError(`a public key has ${BYTES} bytes, not ${bytes.length}`);
  }
  return createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: 'der', type: 'spki' });
}

/** The Standard Webhooks signature `v1a,<base64>` of a message; see `sign` for what goes in. */
export function signEd25519(key: KeyObject, id: string, timestamp: number, body: string | Uint8Array): string {
  return `v1a,${edSign(null, signedBytes(id, timestamp, body), key).toString('base64')}`;
}

/** Whether one of these signatures, as they stand behind `v1a,`, is the key's. */
export function isSignedBy(
  key: KeyObject,
  signatures: readonly string[],
  id: string,
  timestamp: number,
  body: string | Uint8Array,
): boolean {
  const signed = signedBytes(id, timestamp, body);
  return signatures.some((signature) => {
    const bytes = strictBase64(signature);
    return bytes?.length === 2 * BYTES && edVerify(null, signed, key, bytes);
  });
}

function signedBytes(id: string, timestamp: number, body: string | Uint8Array): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Buffer.concat([Buffer.from(`${id}.${timestamp}.`), bytes]);
}

function keyOfSeed(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}

function rawPublicKey(key: KeyObject): Buffer {
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
}

function decode(text: string, prefix: string, what: string): Buffer {
  if (!text.startsWith(prefix)) throw new WebhookSecretError(`${what} starts with ${prefix}`);
  const bytes = strictBase64(text.slice(prefix.length));
  if (!bytes) throw new WebhookSecretError(`what follows the prefix of ${what} is padded standard base64`);
  return bytes;
}
