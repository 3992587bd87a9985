import ipaddr from 'ipaddr.js';
import { parseAddress } from './address.ts';
import { isExemptAddress, isExemptHost } from './exemptions.ts';
import { isOwnAddress } from './own-addresses.ts';
import { ALLOWED, type EgressPolicy, refused, type Verdict } from './policy.ts';

/**
 * Unicast by the registries and yet not the public internet: Azure's platform address (DHCP, DNS and the host agent's
 * secrets behind an address that looks like any other), and the anycast AS112 and AMT services of a provider's network.
 */
const PLATFORM: readonly [ipaddr.IPv4, number][] = [
  ipaddr.IPv4.parseCIDR('168.63.129.16/32'),
  ipaddr.IPv4.parseCIDR('192.31.196.0/24'),
  ipaddr.IPv4.parseCIDR('192.52.193.0/24'),
  ipaddr.IPv4.parseCIDR('192.175.48.0/24'),
];

/** The only block IANA has given to global unicast so far. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether `address` may be dialled at `port`. `host` is what the URL or broker setting named, when that was a name: it
 * matters only to a `host:port` exemption. Reasons: `invalid_address`, `own_address`, `private_address`.
 */
export function checkAddress(policy: EgressPolicy, address: string, port: number, host: string = address): Verdict {
  const parsed = parseAddress(address);
  if (parsed === null) return refused(`invalid_address ${address.slice(0, 64)}`);
  if (isOwnAddress(policy.own, parsed, port)) return refused(`own_address ${address}`);
  if (isPublic(parsed)) return ALLOWED;
  if (isExemptAddress(policy, parsed) || isExemptHost(policy, host, port)) return ALLOWED;
  return refused(`private_address ${address}`);
}

/**
 * An allow-list by construction. For IPv6, `range()` alone says `unicast` to `::7f00:1`, `100:0:0:1::1` and `4000::1`;
 * being inside 2000::/3 as well drops those, mapped and NAT64 addresses, and `range()` drops 6to4, Teredo, ORCHID and
 * the documentation blocks within it.
 */
function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  if (address instanceof ipaddr.IPv6) return address.match(GLOBAL_UNICAST);
  return !PLATFORM.some((block) => address.match(block));
}
