/**
 * How deliveries are signed.
 *
 * - `standard`: Standard Webhooks with a shared secret, `v1,` HMAC-SHA256
 * - `ed25519`: Standard Webhooks with a key pair, `v1a,`
 * - `hmac-hex`: `X-<Brand>-Signature`, the hex HMAC-SHA256 of `{timestamp}.{body}` under the secret as it is shown
 */
export type SignatureScheme = 'standard' | 'ed25519' | 'hmac-hex';

/** As an environment or endpoint sets it; stored as it is shown. */
export interface SignatureSetting {
  readonly scheme: SignatureScheme;
}
