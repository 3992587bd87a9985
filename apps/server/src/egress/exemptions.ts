import ipaddr from 'ipaddr.js';
import { parseAddress } from './address.ts';
import type { EgressPolicy } from './policy.ts';

/**
 * What POSTRIDER_EGRESS_ALLOW opens, item by item:
 *
 * - an address or a CIDR opens those *addresses*, at the ports the port list allows. It does not widen the port list
 *   (10.0.0.0/8 for internal receivers must not hand a tenant Redis at 6379), nor the names (`localhost` stays
 *   reserved, because which names mean "inside" is not the question a CIDR answers). 127.0.0.0/8 with
 *   POSTRIDER_EGRESS_PORTS=* therefore opens `http://127.0.0.1:<any>` and any public name that resolves there.
 * - `host:port` opens exactly that: the host as written (a name or a literal), at that port, past the address policy,
 *   the reserved names and the port list. `receiver:8080` is how a name on a private network is opened.
 *
 * Neither opens `http:`, and neither opens our own listen addresses.
 */
export type Exemption =
  | { readonly kind: 'cidr'; readonly network: ipaddr.IPv4 | ipaddr.IPv6; readonly prefix: number }
  | { readonly kind: 'host'; readonly host: string; readonly port: number };

export type ParsedExemptions =
  | { readonly ok: true; readonly exemptions: Exemption[] }
  | { readonly ok: false; readonly reason: string };

/** Parses the setting: items separated by commas or white space. The first bad item is the reason of the refusal. */
export function parseExemptions(text: string): ParsedExemptions {
  const exemptions: Exemption[] = [];
  for (const item of text.split(/[\s,]+/)) {
    if (item === '') continue;
    const parsed = item.includes('/') ? parseCidr(item) : (parseBareAddress(item) ?? parseHostPort(item));
    if (typeof parsed === 'string') return { ok: false, reason: parsed };
    exemptions.push(parsed);
  }
  return { ok: true, exemptions };
}

function parseCidr(item: string): Exemption | string {
  const slash = item.lastIndexOf('/');
  const network = parseAddress(item.slice(0, slash));
  const digits = item.slice(slash + 1);
  if (network === null || !/^\d{1,3}$/.test(digits)) return `${item}: not a CIDR such as 10.0.0.0/8 or fd00::/8`;
  const bits = network.kind() === 'ipv4' ? 32 : 128;
  const prefix = Number(digits);
  if (prefix > bits) return `${item}: the prefix of an ${network.kind()} network is at most ${bits}`;
  // 10.0.0.1/8 is a typing error for either 10.0.0.0/8 or 10.0.0.1/32, and the two differ by 16 million addresses.
  const start =
    network.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(item) : ipaddr.IPv6.networkAddressFromCIDR(item);
  if (start.toString() !== network.toString()) return `${item}: bits set beyond the prefix; ${start}/${prefix}?`;
  return { kind: 'cidr', network, prefix };
}

function parseBareAddress(item: string): Exemption | null {
  const network = parseAddress(item);
  if (network === null) return null;
  return { kind: 'cidr', network, prefix: network.kind() === 'ipv4' ? 32 : 128 };
}

function parseHostPort(item: string): Exemption | string {
  const match = /^([^:/?#@\\]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(item);
  const host = match?.[1];
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65_535) {
    return `${item}: not an address, a CIDR, or host:port with a port from 1 to 65535`;
  }
  // Through URL, so that what is compared later was normalised by the same parser.
  const url = URL.parse(`http://${host}/`);
  if (url === null) return `${item}: malformed host`;
  return { kind: 'host', host: bareHost(url.hostname), port };
}

/** A URL's `hostname` without the brackets of an IPv6 literal and the root dot of a name. */
export function bareHost(hostname: string): string {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
}

export function isExemptHost(policy: EgressPolicy, host: string, port: number): boolean {
  return policy.exempt.some((item) => item.kind === 'host' && item.port === port && item.host === host);
}

export function isExemptAddress(policy: EgressPolicy, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return policy.exempt.some(
    (item) =>
      // `match` throws across families, and an IPv4 network must not match a mapped address anyhow.
      item.kind === 'cidr' && item.network.kind() === address.kind() && address.match(item.network, item.prefix),
  );
}
