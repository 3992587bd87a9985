export { WebhookSecretError, WebhookVerificationError, type WebhookVerificationErrorCode } from './errors.ts';
export type { HeaderSource } from './headers.ts';
export { decodeSecret, generateSecret } from './secret.ts';
export { sign, signatureHeader } from './sign.ts';
export { type VerifiedWebhook, type VerifyOptions, verify, type WebhookSecret } from './verify.ts';
