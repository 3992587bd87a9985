/**
 * The catalogue of problems (RFC 9457). `code` is stable: clients branch on it. A new problem starts as a line here.
 */
export const PROBLEMS = {
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_request: { status: 400, title: 'The request could not be read' },
  unauthenticated: { status: 401, title: 'A valid API key is required' },
  insufficient_scope: { status: 403, title: 'The API key may not do this' },
  not_found: { status: 404, title: 'There is nothing here' },
  already_exists: { status: 409, title: 'This already exists' },
  default_application: { status: 409, title: 'The default application cannot be deleted' },
  delivery_not_failed: { status: 409, title: 'Only a FAILED delivery can be retried' },
  endpoint_not_active: { status: 409, title: 'The endpoint is not active' },
  idempotency_mismatch: { status: 409, title: 'This idempotency key was used with another request' },
  idempotency_in_progress: { status: 409, title: 'The first call with this idempotency key is still running' },
  key_not_revealable: { status: 409, title: 'This API key cannot be shown again' },
  last_admin_key: { status: 409, title: 'An environment keeps an admin key' },
  subscription_conflict: { status: 409, title: 'The subscription has another version' },
  too_many_jobs: { status: 409, title: 'Too many replays are under way' },
  too_many_secrets: { status: 409, title: 'Too many earlier secrets are still valid' },
  payload_too_large: { status: 413, title: 'The request or its payload is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json' },
  payload_invalid: { status: 422, title: 'The payload breaks the schema of its event type' },
  unknown_event_type: { status: 422, title: 'The event type is not in the catalogue' },
  validation_failed: { status: 422, title: 'A field is not as it must be' },
  quota_exceeded: { status: 429, title: 'The month’s messages are used up' },
  rate_limited: { status: 429, title: 'Too many requests in this minute' },
  internal_error: { status: 500, title: 'Something went wrong on our side' },
  overloaded: { status: 503, title: 'Too much work is waiting; try again shortly' },
  storage_unavailable: { status: 503, title: 'The database cannot be reached; try again shortly' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** One fault in the request: `path` is a JSON pointer into the body, or the name of a parameter or header. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** When a call that is over a limit may be made again. */
export interface Reset {
  readonly at: Date;
  /** How far away that is, at least 1. */
  readonly seconds: number;
}

/** A refusal on its way to the caller. `detail` is shown to them: no secret, no stack, no SQL. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly reset: Reset | undefined;

  constructor(code: ProblemCode, detail: string, errors?: readonly FieldError[], reset?: Reset) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.errors = errors;
    this.reset = reset;
  }
}

/** The commonest problem: one or more fields are wrong. */
export function invalidFields(errors: readonly FieldError[]): Problem {
  const first = errors[0];
  return new Problem('validation_failed', first ? `${first.path}: ${first.message}` : 'a field is wrong', errors);
}

/** Unknown and somebody else's look the same: 404, never 403. */
export function notFound(what: string): Problem {
  return new Problem('not_found', `no such ${what}`);
}
