import { decodeSecret, verify, WebhookVerificationError } from '@postrider/webhook';
import type { Verdict } from './record.ts';

const ANY_PATH = '*';

/**
 * Which secrets may sign for which paths. The most specific path decides alone: a request to `/ok/acme` signed with the
 * secret of `/ok` or of `*` is not verified once `/ok/acme` has its own, or a delivery signed for the wrong customer
 * would pass.
 */
export class Trust {
  readonly #keys = new Map<string, Uint8Array[]>();

  /** Adds a secret; those already trusted for the path stay so, as in a rotation. Throws WebhookSecretError. */
  add(secret: string, path: string = ANY_PATH): void {
    const key = decodeSecret(secret);
    const prefix = path === ANY_PATH ? path : path.replace(/\/+$/, '');
    this.#keys.set(prefix, [...(this.#keys.get(prefix) ?? []), key]);
  }

  judge(path: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Verdict {
    const keys = this.#keysFor(path);
    if (!keys) return { verified: false, reason: 'no_secret_known' };
    try {
      verify(body, headers, keys);
      return { verified: true };
    } catch (error) {
      if (error instanceof WebhookVerificationError) return { verified: false, reason: error.code };
      throw error;
    }
  }

  // Walks up the path and not through the secrets: a bench has thousands of endpoints and short paths.
  #keysFor(path: string): readonly Uint8Array[] | undefined {
    if (this.#keys.size === 0) return undefined;
    for (let prefix = path; prefix !== ''; prefix = prefix.slice(0, prefix.lastIndexOf('/'))) {
      const keys = this.#keys.get(prefix);
      if (keys) return keys;
    }
    return this.#keys.get('') ?? this.#keys.get(ANY_PATH);
  }
}
