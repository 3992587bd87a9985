import { decodeEd25519Secret, decodeSecret, ed25519PublicKey, WebhookSecretError } from '@postrider/webhook';
import type { Endpoint } from '../../core/endpoint.ts';
import { isKeyPair, type SignatureScheme } from '../../core/signature.ts';
import { ed25519KeyOf } from '../../crypto/signing-key.ts';
import { type FieldError, Problem } from '../../errors.ts';

/** What its owner may see: the secret, and where deliveries are signed with a key pair, what they are verified with. */
export function presentSecret({
  secret,
  signature,
  isReadable,
}: Pick<Endpoint, 'secret' | 'signature' | 'isReadable'>) {
  if (!isReadable) throw new Problem('internal_error', 'the stored secret cannot be opened');
  return { secret, ...(signature.scheme === 'ed25519' && { public_key: ed25519PublicKey(ed25519KeyOf(secret)) }) };
}

/** What is wrong with a secret of a caller's own, for an endpoint whose deliveries are signed in this scheme. */
export function secretErrors(secret: string, scheme: SignatureScheme): FieldError[] {
  try {
    if (!isKeyPair(secret)) decodeSecret(secret);
    else if (scheme === 'ed25519') decodeEd25519Secret(secret);
    else return [{ path: '/secret', message: `a whsk_ key signs in the scheme ed25519 only, and not in ${scheme}` }];
    return [];
  } catch (error) {
    if (!(error instanceof WebhookSecretError)) throw error;
    const forms = 'must be whsec_ and the base64 of 24 to 64 bytes, or whsk_ and that of an ed25519 key';
    return [{ path: '/secret', message: forms }];
  }
}
