import { hash, randomBytes } from 'node:crypto';

/** What opens the portal: a link's code, once, and a session's token until it ends. 256 random bits each. */
const FORM = { link: /^prl_[A-Za-z0-9_-]{43}$/, session: /^prs_[A-Za-z0-9_-]{43}$/ } as const;
const PREFIX = { link: 'prl_', session: 'prs_' } as const;

export type PortalTokenKind = keyof typeof FORM;

export function newPortalToken(kind: PortalTokenKind): string {
  return PREFIX[kind] + randomBytes(32).toString('base64url');
}

/** False for what cannot be one: it need not be looked up. */
export function isPortalToken(kind: PortalTokenKind, text: string): boolean {
  return FORM[kind].test(text);
}

/** What is stored and looked up instead of it. It has too many bits to be guessed from this. */
export function portalDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
