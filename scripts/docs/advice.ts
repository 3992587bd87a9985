import type { ProblemCode } from '../../apps/server/src/errors.ts';

/** What whoever gets a problem can do about it, a line each, for docs/errors.md. */
export const ADVICE: Readonly<Record<ProblemCode, string>> = {
  invalid_json: 'Send one JSON value in UTF-8. `detail` says where the parser stopped.',
  invalid_request:
    'Mend the request itself: its URL, a header, a length. A body was cut off, or a path does not decode.',
  unauthenticated: 'Send `authorization: Bearer pr_…` with a key that has neither been revoked nor expired.',
  insufficient_scope: 'Use a key of a larger scope: `read` < `write` < `admin`.',
  not_found: 'Check the id and the key: what belongs to another environment or application is not found either.',
  already_exists: 'Choose another name or `uid`, or use what is there.',
  default_application: 'Leave it: it lives as long as its environment. Its endpoints can be deleted.',
  delivery_not_failed: 'Wait until it has ended. What is SENT can be sent again with a replay.',
  endpoint_not_active: 'Enable the endpoint and call again.',
  idempotency_mismatch: 'Use a new key for each new call. The same key is for the very same bytes.',
  idempotency_in_progress: 'Make the same call again, with the same key.',
  key_not_revealable: 'Regenerate the key: it was made before keys were kept.',
  last_admin_key: 'Create another admin key first.',
  payload_too_large: 'Send less: see [limits](limits.md). Put what is large where the receiver can fetch it.',
  unsupported_media_type: 'Send `content-type: application/json`.',
  subscription_conflict: 'Look at the subscription as it is now; if it is still to change, send the version it has.',
  too_many_jobs:
    'Wait until one has ended: `GET /v1/jobs` shows them. One replay of a longer time does the work of many.',
  too_many_secrets: 'Wait until an earlier secret ends, or end all of them now with `overlap_hours: 0`.',
  payload_invalid: 'Mend the payload where `errors` says, or change the event type’s schema.',
  unknown_event_type: 'Add it with `POST /v1/event-types`, or take back that it was archived.',
  validation_failed: 'Mend the fields named in `errors`. The same call will be refused again.',
  quota_exceeded: 'Wait until `reset_at`, or have the application’s `monthly_event_limit` or plan raised.',
  rate_limited:
    'Wait for `retry-after` seconds. `ratelimit-remaining`, on every answer to a key with a limit and to a portal session, shows it coming.',
  internal_error: 'Call again with the same idempotency key. If it stays, look for `request_id` in the server’s log.',
  overloaded: 'Call again after `retry-after` seconds, with the same idempotency key.',
  storage_unavailable:
    'Call again after `retry-after` seconds, with the same idempotency key. `/ready` shows the same.',
};
