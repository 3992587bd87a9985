import { createHash, hash, randomBytes } from 'node:crypto';
import type { Uuid } from '../core/ids.ts';
import { type DataKey, seal, unseal } from './vault.ts';

/** An API key as its owner holds it: `pr_live_…` or `pr_test_…`, the mode of its environment. */
export type ApiKeyMode = 'live' | 'test';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 32;
const CHECKSUM_CHARACTERS = 6;

/** Any key we may be asked to accept: ours (38 characters) or an operator's own bootstrap key (32 and more). */
export const API_KEY_PATTERN = /^pr_(live|test)_[A-Za-z0-9_-]{32,200}$/;
/** What `newApiKey` makes has this form, and its checksum fits. */
const OURS = /^pr_(?:live|test)_[0-9A-Za-z]{38}$/;

/** A new key: prefix, 190 random bits, and a checksum by which secret scanners can tell a real key from a lookalike. */
export function newApiKey(mode: ApiKeyMode): string {
  let random = '';
  while (random.length < RANDOM_CHARACTERS) {
    for (const byte of randomBytes(RANDOM_CHARACTERS * 2)) {
      // 248 is the largest multiple of 62 in a byte: above it the modulo would favour some characters.
      if (byte < 248 && random.length < RANDOM_CHARACTERS) random += BASE62[byte % 62];
    }
  }
  const body = `pr_${mode}_${random}`;
  return body + checksum(body);
}

function checksum(body: string): string {
  let value = createHash('sha256').update(body).digest().readUIntBE(0, 6);
  let text = '';
  for (let n = 0; n < CHECKSUM_CHARACTERS; n++) {
    text += BASE62[value % 62];
    value = Math.floor(value / 62);
  }
  return text;
}

/** False for what cannot be a key: of another form, or of the form of ours with a letter wrong. */
export function isApiKey(text: string): boolean {
  return API_KEY_PATTERN.test(text) && !isMistyped(text);
}

/** True where the text has the form of a key that we made, and its checksum says that we did not. */
export function isMistyped(text: string): boolean {
  return OURS.test(text) && !text.endsWith(checksum(text.slice(0, -CHECKSUM_CHARACTERS)));
}

/** What is stored and looked up instead of the key. The key has too many bits to be guessed from it. */
export function apiKeyDigest(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** The forms in which a key is stored: one to find it by, one to show it again, and what of it may be seen. */
export function storedKey(dataKey: DataKey, id: Uuid, key: string) {
  return { digest: apiKeyDigest(key), key: seal(dataKey, id, 'api_key', key), last4: key.slice(-4) };
}

/** The key again. @throws SealError */
export function openKey(dataKey: DataKey, id: Uuid, sealed: Buffer): string {
  return unseal(dataKey, id, 'api_key', sealed);
}

export function apiKeyMode(key: string): ApiKeyMode {
  return key.startsWith('pr_live_') ? 'live' : 'test';
}
