import { bareHost, isExemptHost } from './exemptions.ts';
import { checkHost } from './host-policy.ts';
import { type EgressPolicy, refused } from './policy.ts';

export type CheckedUrl = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly reason: string };

/**
 * Controls, every kind of space, invisible format characters and lone surrogates, and the backslash. `new URL` strips,
 * encodes or turns them into slashes, and so does every other parser, differently: refused rather than repaired.
 */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}\\]/u;

/** Long enough for a capability URL with a signed token; above it, a mistake or an attack on a log. */
const MAX_LENGTH = 2048;

/**
 * Decides on a URL as text, before any look-up: at save and again at each send, because the policy may have been
 * tightened in between. On success `url` is what to dial: host normalised, root dot dropped. Reasons: `url_too_long`,
 * `forbidden_character U+…`, `scheme_not_allowed ftp:`, `malformed_url`, `userinfo_not_allowed`, `port_not_allowed 22`,
 * and those of `checkHost`.
 */
export function checkUrl(policy: EgressPolicy, text: string): CheckedUrl {
  if (text.length > MAX_LENGTH) return refused(`url_too_long ${text.length}`);
  const forbidden = FORBIDDEN.exec(text)?.[0].codePointAt(0);
  if (forbidden !== undefined) {
    return refused(`forbidden_character U+${forbidden.toString(16).toUpperCase().padStart(4, '0')}`);
  }
  const scheme = /^([a-z][a-z0-9+.-]{0,31}:)/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return refused('malformed_url');
  if (scheme !== 'https:' && !(scheme === 'http:' && policy.allowHttp)) return refused(`scheme_not_allowed ${scheme}`);

  // Exactly two slashes: `new URL` takes any number, and `http:///127.0.0.1` is one host here and another elsewhere.
  const authority = /^\/\/([^/?#]+)/.exec(text.slice(scheme.length))?.[1];
  if (authority === undefined) return refused('malformed_url');
  // On the text, because an empty userinfo (`http://@host`) leaves no trace in the URL.
  if (authority.includes('@')) return refused('userinfo_not_allowed');

  const url = URL.parse(text);
  if (url === null) return refused('malformed_url');
  const host = bareHost(url.hostname);
  if (url.hostname.endsWith('.')) url.hostname = host;
  const port = portOf(url);

  const verdict = checkHost(policy, host, port);
  if (!verdict.ok) return verdict;
  if (!portAllowed(policy, host, port)) return refused(`port_not_allowed ${port}`);
  return { ok: true, url };
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function portAllowed(policy: EgressPolicy, host: string, port: number): boolean {
  if (port === 0) return false;
  return policy.ports === 'any' || policy.ports.has(port) || isExemptHost(policy, host, port);
}
