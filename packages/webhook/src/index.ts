export {
  decodeEd25519PublicKey,
  decodeEd25519Secret,
  deriveEd25519Key,
  ed25519PublicKey,
  generateEd25519Secret,
  signEd25519,
} from './ed25519.ts';
export { WebhookSecretError, WebhookVerificationError, type WebhookVerificationErrorCode } from './errors.ts';
export type { HeaderSource } from './headers.ts';
export { type HmacHexOptions, signHmacHex, verifyHmacHex } from './hmac-hex.ts';
export { decodeSecret, generateSecret } from './secret.ts';
export { sign, signatureHeader } from './sign.ts';
export { type VerifiedWebhook, type VerifyOptions, verify, type WebhookSecret } from './verify.ts';
