import type { KeyObject } from 'node:crypto';
import {
  decodeEd25519PublicKey,
  decodeSecret,
  verify,
  verifyHmacHex,
  WebhookVerificationError,
} from '@postrider/webhook';
import type { Verdict } from './record.ts';

const ANY_PATH = '*';

/** How a sender signs; Standard Webhooks unless told. */
export interface Signing {
  scheme?: 'standard' | 'hmac-hex';
  /** In the names of the headers of `hmac-hex`. */
  brand?: string;
  /** Names of its own for the headers, in any case of letters. */
  headers?: { id?: string; timestamp?: string; signature?: string };
}

/** Throws WebhookVerificationError. */
type Check = (body: Uint8Array, headers: Readonly<Record<string, string>>) => void;

/**
 * Which secrets may sign for which paths. The most specific path decides alone: a request to `/ok/acme` signed with the
 * secret of `/ok` or of `*` is not verified once `/ok/acme` has its own, or a delivery signed for the wrong customer
 * would pass.
 */
export class Trust {
  readonly #checks = new Map<string, Check[]>();

  /** Adds a secret; those already trusted for the path stay so, as in a rotation. Throws WebhookSecretError. */
  add(secret: string, path: string = ANY_PATH, signing: Signing = {}): void {
    const check = checkOf(secret, signing);
    const prefix = path === ANY_PATH ? path : path.replace(/\/+$/, '');
    this.#checks.set(prefix, [...(this.#checks.get(prefix) ?? []), check]);
  }

  judge(path: string, headers: Readonly<Record<string, string>>, body: Uint8Array): Verdict {
    const checks = this.#checksFor(path);
    if (!checks) return { verified: false, reason: 'no_secret_known' };
    let verdict: Verdict | undefined;
    for (const check of checks) {
      try {
        check(body, headers);
        return { verified: true };
      } catch (error) {
        if (!(error instanceof WebhookVerificationError)) throw error;
        verdict ??= { verified: false, reason: error.code };
      }
    }
    return verdict ?? { verified: false, reason: 'no_secret_known' };
  }

  // Walks up the path and not through the secrets: a bench has thousands of endpoints and short paths.
  #checksFor(path: string): readonly Check[] | undefined {
    if (this.#checks.size === 0) return undefined;
    for (let prefix = path; prefix !== ''; prefix = prefix.slice(0, prefix.lastIndexOf('/'))) {
      const checks = this.#checks.get(prefix);
      if (checks) return checks;
    }
    return this.#checks.get('') ?? this.#checks.get(ANY_PATH);
  }
}

function checkOf(secret: string, { scheme = 'standard', brand, headers: names }: Signing): Check {
  if (scheme === 'hmac-hex') {
    const options = { ...(brand !== undefined && { brand }), ...(names && { headers: names }) };
    return (body, headers) => verifyHmacHex(body, headers, secret, options);
  }
  // Decoded here: a malformed secret is to fail when it is trusted, and costs each request nothing.
  const key: Uint8Array | KeyObject = secret.startsWith('whpk_')
    ? decodeEd25519PublicKey(secret)
    : decodeSecret(secret);
  const options = names && { headers: names };
  return (body, headers) => verify(body, headers, key, options);
}
