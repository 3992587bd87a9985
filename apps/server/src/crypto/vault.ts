import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import type { Uuid } from '../core/ids.ts';

/**
 * Secrets at rest: AES-256-GCM under a data key per environment, itself wrapped by a master key. The additional data
 * binds each ciphertext to environment, row and purpose, so one moved to another row does not open there.
 *
 * Sealed = version (1 byte) | nonce (12) | tag (16) | ciphertext.
 * A wrapped data key says besides which master key wrapped it: 2 (1 byte) | fingerprint (8) | sealed. What was wrapped
 * before there could be several is just sealed, and opens with whichever master key fits.
 */
const VERSION = 1;
const WRAPPED_VERSION = 2;
const FINGERPRINT = 8;
const NONCE = 12;
const TAG = 16;
const KEY = 32;

/** What a sealed value is for; part of what it is bound to. */
export type Purpose =
  | 'data_key'
  | 'endpoint_secret'
  | 'endpoint_old_secrets'
  | 'endpoint_headers'
  | 'endpoint_config'
  | 'source_config'
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

interface MasterKey {
  readonly key: Buffer;
  readonly fingerprint: Buffer;
}

export class Vault {
  readonly #masterKeys: readonly MasterKey[];
  /** The one that wraps. */
  readonly #first: MasterKey;

  /** @param masterKeys of 32 bytes each. The first wraps, all open. */
  constructor(...masterKeys: readonly [Buffer, ...Buffer[]]) {
    for (const key of masterKeys) if (key.length !== KEY) throw new RangeError('a master key is 32 bytes');
    const [first, ...older] = masterKeys;
    this.#first = { key: first, fingerprint: fingerprintOf(first) };
    this.#masterKeys = [this.#first, ...older.map((key) => ({ key, fingerprint: fingerprintOf(key) }))];
  }

  /** A fresh data key and its wrapped form for the environment's row. */
  newDataKey(environmentId: Uuid): { dataKey: DataKey; wrapped: Buffer } {
    const dataKey = { environmentId, key: randomBytes(KEY) };
    return { dataKey, wrapped: this.#wrap(dataKey) };
  }

  /** @throws SealError where none of the master keys is the one that wrapped it. */
  unwrap(environmentId: Uuid, wrapped: Buffer): DataKey {
    const boundTo = binding(environmentId, environmentId, 'data_key');
    const by = wrappedBy(wrapped);
    const sealed = by ? wrapped.subarray(1 + FINGERPRINT) : wrapped;
    for (const master of this.#masterKeys) {
      if (by && !by.equals(master.fingerprint)) continue;
      const key = decrypt(master.key, boundTo, sealed);
      if (key) return { environmentId, key };
    }
    throw new SealError('data_key', environmentId);
  }

  /** The same data key wrapped by the first master key, or null where it is already. @throws SealError */
  rewrap(environmentId: Uuid, wrapped: Buffer): Buffer | null {
    const dataKey = this.unwrap(environmentId, wrapped);
    return this.isCurrent(wrapped) ? null : this.#wrap(dataKey);
  }

  /** Whether the first master key wrapped it. */
  isCurrent(wrapped: Buffer): boolean {
    return wrappedBy(wrapped)?.equals(this.#first.fingerprint) ?? false;
  }

  #wrap({ environmentId, key }: DataKey): Buffer {
    const sealed = encrypt(this.#first.key, binding(environmentId, environmentId, 'data_key'), key);
    return Buffer.concat([Buffer.from([WRAPPED_VERSION]), this.#first.fingerprint, sealed]);
  }
}

/** By which a master key is told from others and not guessed: it has 256 random bits. */
export function fingerprintOf(masterKey: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from('postrider master key'), masterKey]), 'buffer').subarray(
    0,
    FINGERPRINT,
  );
}

/** The fingerprint of the master key that wrapped it; null where it does not say. */
function wrappedBy(wrapped: Buffer): Buffer | null {
  return wrapped[0] === WRAPPED_VERSION ? wrapped.subarray(1, 1 + FINGERPRINT) : null;
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
