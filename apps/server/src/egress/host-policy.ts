import { isIP } from 'node:net';
import { checkAddress } from './address-policy.ts';
import { isExemptHost } from './exemptions.ts';
import { ALLOWED, type EgressPolicy, refused, type Verdict } from './policy.ts';

/**
 * Top-level names that lead inside: reserved by RFC 2606, 6761, 6762, 7686, 8375, 9476, withheld by ICANN because
 * private networks use them (`corp`, `home`, `mail`), or the habit of an orchestrator (`svc`, `consul`, `docker`).
 */
const RESERVED = new Set(
  (
    'localhost localdomain local internal intranet intra private corp home lan mail workgroup ' +
    'onion test example invalid alt arpa svc cluster consul docker kube kubernetes'
  ).split(' '),
);

/** RFC 1035 lengths. Underscores are let by: no certificate authority likes them, yet receivers behind one exist. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Whether a host, as `new URL` normalised it and without brackets or root dot, may be looked up or dialled at `port`.
 * Also what a broker's host is put through. Reasons: `malformed_name`, `single_label_name`, `reserved_name`, and those
 * of `checkAddress` for a literal.
 */
export function checkHost(policy: EgressPolicy, host: string, port: number): Verdict {
  if (isIP(host) !== 0) return checkAddress(policy, host, port);
  if (isExemptHost(policy, host, port)) return ALLOWED;
  const shown = host.slice(0, 64);
  const labels = host.split('.');
  const last = labels.at(-1) ?? '';
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return refused(`malformed_name ${shown}`);
  // "home.arpa" and every other name under arpa is infrastructure; the last label decides for all of them.
  if (RESERVED.has(last)) return refused(`reserved_name ${shown}`);
  if (labels.length === 1) return refused(`single_label_name ${shown}`);
  // What ends in a number is an IPv4 address to some resolver or other (WHATWG URL: "ends in a number").
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(last)) return refused(`malformed_name ${shown}`);
  return ALLOWED;
}
