import { errors } from 'undici';
import type { ConnectStep } from './connector.ts';
import { EgressError, type EgressErrorCode } from './error-code.ts';

/** Where an exchange stood when it failed: the same ECONNRESET is another fault at each. */
export type Stage = 'queued' | ConnectStep | 'headers' | 'body';

/** OpenSSL's names for a chain that does not lead to a root we trust. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_CHAIN_TOO_LONG',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

const CONNECT: Record<string, EgressErrorCode> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  ETIMEDOUT: 'connect_timeout',
};

const CERTIFICATE: Record<string, EgressErrorCode> = {
  CERT_HAS_EXPIRED: 'certificate_expired',
  CERT_NOT_YET_VALID: 'certificate_not_yet_valid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate_name_mismatch',
};

/** Gives a failure its code, from error codes and the stage and never from message text. */
export function classify(error: Error, stage: Stage, peerClosed: boolean): EgressError {
  if (error instanceof EgressError) return error;
  const code = codeOf(error);
  const as = (name: EgressErrorCode) => new EgressError(name, error.message, error);

  if (error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError) {
    return as('request_invalid');
  }
  if (error instanceof errors.ClientDestroyedError || error instanceof errors.ClientClosedError) return as('closed');
  switch (stage) {
    case 'queued':
      return as('internal_error');
    case 'dns':
      return as('dns_failed');
    case 'connect':
      return as(CONNECT[code] ?? 'connection_failed');
    case 'tls':
      return as(CERTIFICATE[code] ?? (UNTRUSTED.has(code) ? 'certificate_untrusted' : 'tls_failed'));
    case 'headers':
      return as(headersFailure(error, code, peerClosed));
    case 'body':
      return as(bodyFailure(error, code));
  }
}

function headersFailure(error: Error, code: string, peerClosed: boolean): EgressErrorCode {
  if (error instanceof errors.HeadersOverflowError || code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  if (isParserError(error, code) && code !== 'HPE_INVALID_EOF_STATE') return 'invalid_response';
  // undici itself ends the connection, with a SocketError, at a 100 or 101 nobody asked for.
  if (error instanceof errors.SocketError && !peerClosed) return 'invalid_response';
  return 'connection_reset';
}

function bodyFailure(error: Error, code: string): EgressErrorCode {
  // Trailers count as headers.
  if (error instanceof errors.HeadersOverflowError) return 'headers_too_large';
  const parsed = error instanceof errors.HTTPParserError && code !== 'HPE_INVALID_EOF_STATE';
  return parsed ? 'invalid_response' : 'response_truncated';
}

/** Two content-lengths in a header reach us as a length mismatch, an invalid line as a parser error. */
function isParserError(error: Error, code: string): boolean {
  return (
    error instanceof errors.HTTPParserError ||
    error instanceof errors.ResponseContentLengthMismatchError ||
    code.startsWith('HPE_')
  );
}

/** Closed or reset by the peer: the one failure after which a reused connection may be blamed. */
export function isDisconnect(error: Error): boolean {
  return error instanceof errors.SocketError || ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(codeOf(error));
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
