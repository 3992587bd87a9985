import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { parseAddress } from './address.ts';
import type { OwnAddress } from './policy.ts';

/** True when dialling `address` at `port` would reach this process itself. */
export function isOwnAddress(
  own: readonly OwnAddress[],
  address: ipaddr.IPv4 | ipaddr.IPv6,
  port: number,
  interfaces: () => readonly string[] = localInterfaceAddresses,
): boolean {
  return own.some((listener) => listener.port === port && reaches(listener.address, unmapped(address), interfaces));
}

function reaches(listener: string, address: ipaddr.IPv4 | ipaddr.IPv6, interfaces: () => readonly string[]): boolean {
  // Dialling 0.0.0.0 or :: reaches the local host on Linux, whichever local address is listened on.
  if (address.range() === 'unspecified') return true;
  const parsed = parseAddress(listener);
  const listening = parsed === null ? null : unmapped(parsed);
  // A listener we cannot read is taken for the widest one.
  if (listening !== null && listening.range() !== 'unspecified') return listening.toString() === address.toString();
  if (address.range() === 'loopback') return true;
  return interfaces().includes(address.toString());
}

/** `::ffff:127.0.0.1` reaches the same socket as `127.0.0.1`. */
function unmapped(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** Read at each question, since addresses come and go; asked only for a dial to one of our own ports. */
function localInterfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap((item) => parseAddress(item.address)?.toString() ?? []),
  );
}
