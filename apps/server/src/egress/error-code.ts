/**
 * Why an exchange brought no complete response: stable, stored with attempts and shown to customers.
 *
 * Before the request is sent:
 * - `egress_blocked`: the URL, a looked-up address or the connected peer is refused; the message is the reason
 * - `request_invalid`: a header or the path cannot be put on the wire
 * - `closed`: the client is closed; `aborted`: the caller's signal fired
 * - `queue_timeout`: the deadline passed while every connection allowed to this origin was in use
 * - `dns_failed`: the name does not resolve; `dns_timeout`: no answer in time
 * - `connection_refused`, `connection_reset`, `connect_timeout`
 * - `connection_failed`: any other failure to connect, such as no route
 * - `tls_failed`, `tls_timeout`: no handshake; `certificate_expired`, `certificate_not_yet_valid`,
 *   `certificate_name_mismatch`, `certificate_untrusted`: a handshake, and a certificate that proves nothing
 *
 * After it (the receiver may have acted on it):
 * - `connection_reset`: closed or reset before a complete header
 * - `timeout`: the deadline passed while waiting for headers; `response_timeout`: within the body
 * - `invalid_response`: not HTTP/1.1; `headers_too_large`: over 16 KB or 256 lines
 * - `response_truncated`: closed or reset within the body
 *
 * `internal_error`: a fault of ours.
 */
export type EgressErrorCode =
  | 'egress_blocked'
  | 'request_invalid'
  | 'closed'
  | 'aborted'
  | 'queue_timeout'
  | 'dns_failed'
  | 'dns_timeout'
  | 'connection_refused'
  | 'connection_reset'
  | 'connection_failed'
  | 'connect_timeout'
  | 'tls_failed'
  | 'tls_timeout'
  | 'certificate_expired'
  | 'certificate_not_yet_valid'
  | 'certificate_name_mismatch'
  | 'certificate_untrusted'
  | 'timeout'
  | 'response_timeout'
  | 'invalid_response'
  | 'headers_too_large'
  | 'response_truncated'
  | 'internal_error';

/** A failure that already knows its code. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly code: EgressErrorCode;

  constructor(code: EgressErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
