import type { Uuid } from '../core/ids.ts';
import type { PortalSession } from '../core/portal.ts';
import { type Scope, scopeAllows } from '../core/scope.ts';
import { apiKeyDigest, isApiKey } from '../crypto/api-key.ts';
import { Problem } from '../errors.ts';

/** Who calls: a key or a portal session, the environment it belongs to, and what it may do there. */
export interface Caller {
  /** The key, or the session. */
  readonly keyId: Uuid;
  readonly environmentId: Uuid;
  readonly scope: Scope;
  /** Null for a key. A session's scope says nothing: what it may call is in api/portal/allowed.ts. */
  readonly portal: PortalSession | null;
}

/** A key as far as a call depends on it. */
export interface KnownKey {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly scope: Scope;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
  /** Null: no limit. */
  readonly requestsPerMinute: number | null;
}

/** Where keys are looked up; the directory is one. */
export interface KeySource {
  apiKey(digest: Buffer): Promise<KnownKey | null>;
}

/**
 * The key that a call carries. Whether it has expired is decided at each call, by the clock: nobody tells a cache.
 *
 * @throws Problem `unauthenticated`.
 */
export async function authenticate(
  keys: KeySource,
  authorization: string | undefined,
  now: () => number,
): Promise<KnownKey> {
  const token = authorization && /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (!token) throw new Problem('unauthenticated', 'send authorization: Bearer pr_live_… or pr_test_…');
  // What cannot be a key, or is one with a letter wrong: no digest, no look-up.
  const key = isApiKey(token) ? await keys.apiKey(apiKeyDigest(token)) : null;
  if (!key) throw new Problem('unauthenticated', 'this API key is not known');
  if (key.expiresAt !== null && key.expiresAt <= now()) {
    throw new Problem('unauthenticated', `this API key expired at ${new Date(key.expiresAt).toISOString()}`);
  }
  return key;
}

/** @throws Problem `insufficient_scope`. */
export function authorize({ scope }: Pick<Caller, 'scope'>, needed: Scope): void {
  if (scopeAllows(scope, needed)) return;
  throw new Problem('insufficient_scope', `this needs a key of scope ${needed}; this one has ${scope}`);
}
