import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Uuid } from '../core/ids.ts';

/**
 * Secrets at rest: AES-256-GCM under a data key per environment, itself wrapped by the master key. The additional data
 * binds each ciphertext to environment, row and purpose, so one moved to another row does not open there.
 *
 * Sealed = version (1 byte) | nonce (12) | tag (16) | ciphertext.
 */
const VERSION = 1;
const NONCE = 12;
const TAG = 16;
const KEY = 32;

/** What a sealed value is for; part of what it is bound to. */
export type Purpose =
  | 'data_key'
  | 'endpoint_secret'
  | 'endpoint_old_secrets'
  | 'endpoint_headers'
  | 'idempotent_answer'
  | 'api_key';

/** A sealed value that does not open: wrong key, another row's value, or damage. Says which row, never what was in it. */
export class SealError extends Error {
  constructor(purpose: Purpose, row: string) {
    super(`the sealed ${purpose} of ${row} does not open with this master key`);
    this.name = 'SealError';
  }
}

/** The data key of one environment, ready to use. */
export interface DataKey {
  readonly environmentId: Uuid;
  readonly key: Buffer;
}

export class Vault {
  readonly #masterKey: Buffer;

  /** @param masterKey 32 bytes. */
  constructor(masterKey: Buffer) {
    if (masterKey.length !== KEY) throw new RangeError('a master key is 32 bytes');
    this.#masterKey = masterKey;
  }

  /** A fresh data key and its wrapped form for the environment's row. */
  newDataKey(environmentId: Uuid): { dataKey: DataKey; wrapped: Buffer } {
    const key = randomBytes(KEY);
    return {
      dataKey: { environmentId, key },
      wrapped: encrypt(this.#masterKey, binding(environmentId, environmentId, 'data_key'), key),
    };
  }

  /** @throws SealError where the master key is not the one that wrapped it. */
  unwrap(environmentId: Uuid, wrapped: Buffer): DataKey {
    const key = decrypt(this.#masterKey, binding(environmentId, environmentId, 'data_key'), wrapped);
    if (!key) throw new SealError('data_key', environmentId);
    return { environmentId, key };
  }
}

/** @param row the id of the row it is stored in. */
export function seal(dataKey: DataKey, row: string, purpose: Purpose, plaintext: string): Buffer {
  return encrypt(dataKey.key, binding(dataKey.environmentId, row, purpose), Buffer.from(plaintext));
}

/** @throws SealError */
export function unseal(dataKey: DataKey, row: string, purpose: Purpose, sealed: Buffer): string {
  const plaintext = decrypt(dataKey.key, binding(dataKey.environmentId, row, purpose), sealed);
  if (!plaintext) throw new SealError(purpose, row);
  return plaintext.toString();
}

function binding(environmentId: Uuid, row: string, purpose: Purpose): Buffer {
  return Buffer.from(`${environmentId}|${row}|${purpose}`);
}

function encrypt(key: Buffer, boundTo: Buffer, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(boundTo);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), ciphertext]);
}

function decrypt(key: Buffer, boundTo: Buffer, sealed: Buffer): Buffer | null {
  if (sealed.length < 1 + NONCE + TAG || sealed[0] !== VERSION) return null;
  const nonce = sealed.subarray(1, 1 + NONCE);
  const tag = sealed.subarray(1 + NONCE, 1 + NONCE + TAG);
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG }).setAAD(boundTo).setAuthTag(tag);
  try {
    return Buffer.concat([cipher.update(sealed.subarray(1 + NONCE + TAG)), cipher.final()]);
  } catch {
    return null;
  }
}
