/** Names the transport, the signature or a proxy on the way owns. */
const FORBIDDEN = new Set(
  (
    'host connection keep-alive transfer-encoding content-length content-type content-encoding te trailer upgrade ' +
    'expect date cookie forwarded via user-agent'
  ).split(' '),
);

/** `svix-` because a receiver's library reads it as the signature; `x-amz-` because a bucket obeys it. */
const FORBIDDEN_PREFIXES = ['proxy-', 'x-forwarded-', 'webhook-', 'svix-', 'x-amz-'];

const STANDARD_WEBHOOKS = new Set(['webhook-id', 'webhook-timestamp', 'webhook-signature']);

const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Tab, and printable Latin-1: what may stand in a header line. No CR, LF, NUL. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const MAX_COUNT = 50;
const MAX_BYTES = 8192;

export interface HeaderError {
  /** The name as it was given; empty for an error about all of them. */
  readonly path: string;
  readonly message: string;
}

export type CheckedHeaders =
  | { readonly ok: true; readonly headers: Record<string, string> }
  | { readonly ok: false; readonly errors: HeaderError[] };

/**
 * Checks a customer's own headers and returns them with lower-case names. `authorization` is allowed on an endpoint
 * (stored encrypted, shown masked) and refused on a message, which is stored and shown as it is.
 */
export function checkHeaders(headers: Record<string, string>, scope: 'message' | 'endpoint'): CheckedHeaders {
  const entries = Object.entries(headers);
  if (entries.length > MAX_COUNT)
    return { ok: false, errors: [{ path: '', message: `more than ${MAX_COUNT} headers` }] };

  const errors: HeaderError[] = [];
  const checked = new Map<string, string>();
  let bytes = 0;
  for (const [given, value] of entries) {
    const name = given.toLowerCase();
    const message = nameError(name, scope) ?? (VALUE.test(value) ? null : 'holds a character no header may hold');
    if (message !== null) errors.push({ path: given, message });
    else if (checked.has(name)) errors.push({ path: given, message: 'given twice' });
    checked.set(name, value);
    // As on the wire: `name: value\r\n`, one byte a character, since all of it is Latin-1.
    bytes += name.length + value.length + 4;
  }
  if (bytes > MAX_BYTES) errors.push({ path: '', message: `more than ${MAX_BYTES} bytes of headers` });
  return errors.length > 0 ? { ok: false, errors } : { ok: true, headers: Object.fromEntries(checked) };
}

/**
 * What is wrong with a name for a header of ours that a customer may choose, or null; in any case of letters. It is held to
 * the rules of a message's own headers, and may be one of Standard Webhooks besides.
 */
export function signatureHeaderError(name: string): string | null {
  return STANDARD_WEBHOOKS.has(name.toLowerCase()) ? null : nameError(name.toLowerCase(), 'message');
}

function nameError(name: string, scope: 'message' | 'endpoint'): string | null {
  if (!TOKEN.test(name)) return 'not a header name';
  if (FORBIDDEN.has(name) || FORBIDDEN_PREFIXES.some((prefix) => name.startsWith(prefix))) return 'may not be set';
  if (name === 'authorization' && scope === 'message') return 'may be set on an endpoint only';
  return null;
}
