import {
  decodeEd25519Secret,
  decodeSecret,
  deriveEd25519Key,
  ed25519PublicKey,
  generateEd25519Secret,
  generateSecret,
  verify,
  verifyHmacHex,
} from '@postrider/webhook';
import { describe, expect, it } from 'vitest';
import type { Endpoint, OldSecret } from '../../src/core/endpoint.ts';
import { type SignatureScheme, STANDARD_SIGNATURE } from '../../src/core/signature.ts';
import { ownHeaders } from '../../src/delivery/signing.ts';

// As directory/ makes it of a row; of all an endpoint is, nothing else counts here.
function endpoint(scheme: SignatureScheme, secret: string, oldSecrets: readonly OldSecret[] = []): Endpoint {
  return {
    signature: scheme === 'standard' ? STANDARD_SIGNATURE : { scheme },
    secret,
    signingKey: secret.startsWith('whsec_') ? decodeSecret(secret) : new Uint8Array(),
    oldSecrets,
  } as unknown as Endpoint;
}

const NOW = 1_795_222_726_400;
const now = NOW / 1000;
const BODY = '{"a":1}';
const publicKey = (secret: string) => ed25519PublicKey(deriveEd25519Key(decodeSecret(secret)));

/** Whether one who holds this secret, or what belongs to it, can verify the request. */
function isFor(scheme: SignatureScheme, secret: string, headers: Readonly<Record<string, string>>): boolean {
  try {
    if (scheme === 'hmac-hex') verifyHmacHex(BODY, headers, secret, { now });
    else verify(BODY, headers, scheme === 'ed25519' ? publicKey(secret) : secret, { now });
    return true;
  } catch {
    return false;
  }
}

describe.each(['standard', 'ed25519', 'hmac-hex'] as const)('while a secret is rotated, in %s', (scheme) => {
  const [first, second, third] = [generateSecret(), generateSecret(), generateSecret()];
  const rotating = endpoint(scheme, third, [
    { secret: first, until: NOW + 1 },
    { secret: second, until: NOW + 5_000 },
  ]);
  const heldBy = (at: number) => {
    const headers = ownHeaders(rotating, 'msg_1', at, BODY);
    return [first, second, third].map((secret) => isFor(scheme, secret, headers));
  };

  it('all that are valid sign, and each ends by the clock', () => {
    expect(heldBy(NOW)).toEqual([true, true, true]);
    expect(heldBy(NOW + 1)).toEqual([false, true, true]);
    expect(heldBy(NOW + 4_999)).toEqual([false, true, true]);
    expect(heldBy(NOW + 5_000)).toEqual([false, false, true]);
    // The clock may be set back.
    expect(heldBy(NOW)).toEqual([true, true, true]);
  });

  it('the newest stands first', () => {
    const headers = ownHeaders(rotating, 'msg_1', NOW, BODY);
    const alone = ownHeaders(endpoint(scheme, third), 'msg_1', NOW, BODY);
    const name = scheme === 'hmac-hex' ? 'x-postrider-signature' : 'webhook-signature';
    const signatures = headers[name]?.split(scheme === 'hmac-hex' ? ',' : ' ');
    expect(signatures).toHaveLength(3);
    expect(signatures?.[0]).toBe(alone[name]);
    expect({ ...headers, [name]: alone[name] }).toEqual(alone);
  });
});

describe('a key pair of the owner’s own that was rotated away', () => {
  const pair = generateEd25519Secret();
  const secret = generateSecret();
  const old = [{ secret: pair, until: NOW + 1 }];

  it('signs along in Standard Webhooks', () => {
    const headers = ownHeaders(endpoint('standard', secret, old), 'msg_1', NOW, BODY);
    expect(headers['webhook-signature']).toMatch(/^v1,\S+ v1a,\S+$/);
    expect(verify(BODY, headers, ed25519PublicKey(decodeEd25519Secret(pair)), { now }).id).toBe('msg_1');
  });

  it('is never the key of an HMAC', () => {
    const headers = ownHeaders(endpoint('hmac-hex', secret, old), 'msg_1', NOW, BODY);
    expect(headers['x-postrider-signature']).toMatch(/^[0-9a-f]{64}$/);
  });
});
