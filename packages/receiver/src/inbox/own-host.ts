import { isIP } from 'node:net';

/**
 * Whether the inbox is shown under this `Host`. A web page can have a name of its own point to this machine (DNS rebinding),
 * and its scripts could then read from here what customers were sent; but not without that name in their requests. So it is
 * shown under addresses, `localhost`, and the name that it was told to listen on.
 */
export function isOwnHost(header: string | undefined, listening: string): boolean {
  const url = `http://${header ?? ''}`;
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) !== 0 || hostname === 'localhost' || hostname === listening.toLowerCase();
}
