import type { KeyObject } from 'node:crypto';
import { decodeEd25519Secret, decodeSecret, deriveEd25519Key } from '@postrider/webhook';
import { isKeyPair } from '../core/signature.ts';

/**
 * The private key that an endpoint's secret signs `ed25519` with: its owner's own, or the one that belongs to its shared
 * secret, so that a scheme can be changed and no secret with it. About 0.1 ms: not per message.
 */
export function ed25519KeyOf(secret: string): KeyObject {
  return isKeyPair(secret) ? decodeEd25519Secret(secret) : deriveEd25519Key(decodeSecret(secret));
}
