import { createHash, hash, randomBytes } from 'node:crypto';

/** An API key as its owner holds it: `pr_live_…` or `pr_test_…`, the mode of its environment. */
export type ApiKeyMode = 'live' | 'test';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 32;
const CHECKSUM_CHARACTERS = 6;

/** Any key we may be asked to accept: ours (38 characters) or an operator's own bootstrap key (32 and more). */
export const API_KEY_PATTERN = /^pr_(live|test)_[A-Za-z0-9_-]{32,200}$/;

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

/** What is stored and looked up instead of the key. The key has too many bits to be guessed from it. */
export function apiKeyDigest(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

export function apiKeyMode(key: string): ApiKeyMode {
  return key.startsWith('pr_live_') ? 'live' : 'test';
}
