/** What a code says, and whether the receiver may have acted on the request. */
export interface ErrorMeaning {
  readonly means: string;
  readonly mayHaveArrived: boolean;
}

/**
 * Why an exchange brought no complete response: stable, stored with attempts and shown to customers, in docs/retries.md and
 * the OpenAPI document too. A new code starts as a line here. In the order of an exchange: what comes before
 * `connection_reset` ends before the request is sent.
 */
export const EGRESS_ERRORS = {
  egress_blocked: unsent(
    'the URL, an address it leads to, or who answered there is refused; the message is the reason',
  ),
  request_invalid: unsent('a header or the path cannot be put on the wire'),
  closed: unsent('Postrider was being stopped'),
  aborted: unsent('Postrider gave it up'),
  queue_timeout: unsent('the deadline passed while every connection allowed to this host was in use'),
  dns_failed: unsent('the name does not resolve'),
  dns_timeout: unsent('the look-up of the name brought no answer in time'),
  connection_refused: unsent('nobody listens at that address and port'),
  connect_timeout: unsent('no connection in time'),
  connection_failed: unsent('no connection for another reason, such as no route'),
  tls_failed: unsent('no TLS handshake'),
  tls_timeout: unsent('no TLS handshake in time'),
  certificate_expired: unsent('the certificate has expired'),
  certificate_not_yet_valid: unsent('the certificate is not valid yet'),
  certificate_name_mismatch: unsent('the certificate is for another name'),
  certificate_untrusted: unsent('the certificate does not lead to an authority that is trusted here'),
  connection_reset: sent('the connection was closed or reset, while it was made or before the headers were complete'),
  timeout: sent('the deadline passed before an answer began'),
  response_timeout: sent('the deadline passed within the body of the answer'),
  invalid_response: sent('the answer is not HTTP/1.1'),
  headers_too_large: sent('the headers are over 16 KB or 256 lines'),
  response_truncated: sent('the connection was closed or reset within the body'),
  internal_error: sent('a fault of Postrider and not of the endpoint; its log says why'),
} as const satisfies Readonly<Record<string, ErrorMeaning>>;

export type EgressErrorCode = keyof typeof EGRESS_ERRORS;

function unsent(means: string): ErrorMeaning {
  return { means, mayHaveArrived: false };
}

function sent(means: string): ErrorMeaning {
  return { means, mayHaveArrived: true };
}

/** A failure that already knows its code. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly code: EgressErrorCode;

  constructor(code: EgressErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
