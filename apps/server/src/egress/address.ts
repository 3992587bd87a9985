import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Parses an IP address in its usual form only: ipaddr.js alone also takes `0x7f.1`, `017700000001` and other spellings
 * that some resolver may read differently. A zone id (`fe80::1%eth0`) is no address of the public internet: null.
 */
export function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (isIP(text) === 0 || text.includes('%')) return null;
  return ipaddr.parse(text);
}
