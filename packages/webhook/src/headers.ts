import { WebhookVerificationError } from './errors.ts';

/** Node's `request.headers`, a Fetch `Headers`, or any plain object; names in any case. */
export type HeaderSource =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

function isFetchHeaders(headers: HeaderSource): headers is { get(name: string): string | null } {
  return typeof headers.get === 'function';
}

function lookUp(headers: HeaderSource, name: string): string | readonly string[] | null | undefined {
  if (isFetchHeaders(headers)) return headers.get(name);
  // Node and most frameworks give lower-case names: the scan is only for those that do not.
  const direct = headers[name];
  if (direct !== undefined) return direct;
  for (const key of Object.keys(headers)) {
    if (key.toLowerCase() === name) return headers[key];
  }
  return undefined;
}

/** The one value of a header, given by its lower-case name. Throws `missing_header` or `repeated_header`. */
export function readHeader(headers: HeaderSource, name: string): string {
  const found = lookUp(headers, name);
  if (found === undefined || found === null || found === '' || found.length === 0) {
    throw new WebhookVerificationError('missing_header', `the header ${name} is missing`);
  }
  if (typeof found === 'string') return found;
  const [value, ...others] = found;
  // Which of two ids was signed is anybody's guess: a proxy and a handler may guess differently.
  if (others.length > 0)
    throw new WebhookVerificationError('repeated_header', `the header ${name} came more than once`);
  if (!value) throw new WebhookVerificationError('missing_header', `the header ${name} is missing`);
  return value;
}
