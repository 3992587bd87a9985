/** A `whsec_`, `whsk_` or `whpk_` that is none. The message never quotes it. */
export class WebhookSecretError extends Error {
  override readonly name = 'WebhookSecretError';
  readonly code = 'invalid_secret';
}

/** Stable: safe to branch on, to log and to count. */
export type WebhookVerificationErrorCode =
  | 'no_secret'
  | 'missing_header'
  | 'repeated_header'
  | 'invalid_timestamp'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'no_matching_signature';

/** A request that must not be trusted. `code` says why; the message says it to a person. */
export class WebhookVerificationError extends Error {
  override readonly name = 'WebhookVerificationError';
  readonly code: WebhookVerificationErrorCode;

  constructor(code: WebhookVerificationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
