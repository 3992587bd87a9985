import type { Uuid } from '../core/ids.ts';
import { type Scope, scopeAllows } from '../core/scope.ts';
import { API_KEY_PATTERN, apiKeyDigest } from '../crypto/api-key.ts';
import { Problem } from '../errors.ts';

/** Who calls: a key, the environment it belongs to, and what it may do there. */
export interface Caller {
  readonly keyId: Uuid;
  readonly environmentId: Uuid;
  readonly scope: Scope;
}

/** Where keys are looked up; the directory is one. */
export interface KeySource {
  apiKey(digest: Buffer): Promise<{ id: Uuid; environmentId: Uuid; scope: Scope } | null>;
}

/** @throws Problem `unauthenticated` or `insufficient_scope`. */
export async function authenticate(keys: KeySource, authorization: string | undefined, needed: Scope): Promise<Caller> {
  const token = authorization && /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (!token) throw new Problem('unauthenticated', 'send authorization: Bearer pr_live_… or pr_test_…');
  // What is not shaped like a key cannot be one: no digest, no look-up.
  const key = API_KEY_PATTERN.test(token) ? await keys.apiKey(apiKeyDigest(token)) : null;
  if (!key) throw new Problem('unauthenticated', 'this API key is not known');
  if (!scopeAllows(key.scope, needed)) {
    throw new Problem('insufficient_scope', `this needs a key of scope ${needed}; this one has ${key.scope}`);
  }
  return { keyId: key.id, environmentId: key.environmentId, scope: key.scope };
}
