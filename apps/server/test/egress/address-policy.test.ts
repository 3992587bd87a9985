import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkAddress } from '../../src/egress/address-policy.ts';
import { exempting, LAX, LOCAL } from './stage.ts';

function allowed(address: string, policy = LAX, port = 443, host?: string): boolean {
  return checkAddress(policy, address, port, host).ok;
}

/** First and last of each refused block, with the addresses just outside: null where a neighbour is refused too. */
const IPV4: [block: string, before: string | null, first: string, last: string, after: string | null][] = [
  ['this network', null, '0.0.0.0', '0.255.255.255', '1.0.0.0'],
  ['private', '9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  ['carrier-grade NAT', '100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  ['loopback', '126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
  ['Azure platform', '168.63.129.15', '168.63.129.16', '168.63.129.16', '168.63.129.17'],
  ['link-local', '169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
  ['private', '172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  ['protocol assignments', '191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
  ['documentation', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  ['AS112', '192.31.195.255', '192.31.196.0', '192.31.196.255', '192.31.197.0'],
  ['AMT', '192.52.192.255', '192.52.193.0', '192.52.193.255', '192.52.194.0'],
  ['6to4 relay', '192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
  ['private', '192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  ['AS112', '192.175.47.255', '192.175.48.0', '192.175.48.255', '192.175.49.0'],
  ['benchmarking', '198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
  ['documentation', '198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
  ['documentation', '203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
  ['multicast, reserved, broadcast', '223.255.255.255', '224.0.0.0', '255.255.255.255', null],
];

describe.each(IPV4)('%s', (_block, before, first, last, after) => {
  test(`${first} to ${last} is refused, and nothing beside it`, () => {
    expect(checkAddress(LAX, first, 443)).toEqual({ ok: false, reason: `private_address ${first}` });
    expect(allowed(last)).toBe(false);
    if (before !== null) expect(allowed(before)).toBe(true);
    if (after !== null) expect(allowed(after)).toBe(true);
  });
});

test.each([
  '::',
  '::1',
  '::7f00:1',
  '::127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:8.8.8.8',
  '::ffff:0:7f00:1',
  '64:ff9b::7f00:1',
  '64:ff9b::808:808',
  '64:ff9b:1::1',
  '100::1',
  '100:0:0:1::1',
  '1fff:ffff::1',
  '2001::1',
  '2001:2::1',
  '2001:3::1',
  '2001:4:112::1',
  '2001:10::1',
  '2001:20::1',
  '2001:30::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '2002:808:808::1',
  '2620:4f:8000::1',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fec0::1',
  'ff02::1',
])('IPv6 %s is refused', (address) => {
  expect(checkAddress(LAX, address, 443)).toEqual({ ok: false, reason: `private_address ${address}` });
});

test.each([
  '2606:4700:4700::1111',
  '2001:4860:4860::8888',
  '2001:200::1',
  '2001:db7:ffff::1',
  '2001:db9::1',
  '2003::1',
  '2a00:1450:4001:81b::200e',
  '3ffe:ffff::1',
  '3fff:1000::1',
  '2000::1',
])('IPv6 %s passes', (address) => {
  expect(checkAddress(LAX, address, 443)).toEqual({ ok: true });
});

test.each([
  '',
  'example.com',
  '127.1',
  '0x7f000001',
  '2130706433',
  '010.0.0.1',
  '1.2.3',
  'fe80::1%eth0',
  '2606:4700::1%1',
])('%j is no address', (text) => {
  expect(checkAddress(LOCAL, text, 443)).toEqual({ ok: false, reason: `invalid_address ${text}` });
});

test('a mapped IPv4 address is refused whatever it maps', () => {
  fc.assert(fc.property(fc.ipV4(), (address) => !allowed(`::ffff:${address}`)));
});

test('an IPv6 address outside 2000::/3 is refused', () => {
  const outside = fc.ipV6().filter((address) => {
    const first = Number.parseInt(address.split(':')[0] || '0', 16);
    return first >> 13 !== 1;
  });
  fc.assert(fc.property(outside, (address) => !allowed(address)));
});

test('an IPv4 address is refused exactly when a block of the table holds it', () => {
  const number = (address: string) => address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const blocks = IPV4.map(([, , first, last]) => [number(first), number(last)] as const);
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const inside = blocks.some(([first, last]) => number(address) >= first && number(address) <= last);
      return allowed(address) === !inside;
    }),
    { numRuns: 2_000 },
  );
});

describe('exemptions', () => {
  test('a CIDR opens what is inside it and nothing beside', () => {
    const policy = { ...LAX, exempt: exempting('10.1.0.0/16, fd00::/8') };
    expect(allowed('10.1.255.255', policy)).toBe(true);
    expect(allowed('10.2.0.0', policy)).toBe(false);
    expect(allowed('fdff::1', policy)).toBe(true);
    expect(allowed('fc00::1', policy)).toBe(false);
    expect(allowed('::ffff:10.1.0.1', policy)).toBe(false);
  });

  test('host:port opens the addresses of that name at that port only', () => {
    const policy = { ...LAX, exempt: exempting('receiver:8080') };
    expect(allowed('172.18.0.3', policy, 8080, 'receiver')).toBe(true);
    expect(allowed('172.18.0.3', policy, 8081, 'receiver')).toBe(false);
    expect(allowed('172.18.0.3', policy, 8080, 'other')).toBe(false);
    expect(allowed('172.18.0.3', policy, 8080)).toBe(false);
  });
});

describe('our own listen addresses', () => {
  const all = exempting('0.0.0.0/0, ::/0, self:8071');
  const own = (address: string) => ({ ...LAX, exempt: all, own: [{ address, port: 8071 }] });

  test.each([
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', '127.9.9.9'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::1'],
    ['::', '127.0.0.1'],
    ['::', '::ffff:127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '::ffff:7f00:1'],
    ['127.0.0.1', '0.0.0.0'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['203.0.113.9', '203.0.113.9'],
    ['localhost', '127.0.0.1'],
  ])('listening on %s refuses %s at that port only', (listening, dialled) => {
    expect(checkAddress(own(listening), dialled, 8071)).toEqual({ ok: false, reason: `own_address ${dialled}` });
    expect(allowed(dialled, own(listening), 8071, 'self')).toBe(false);
    expect(allowed(dialled, own(listening), 8072)).toBe(true);
  });

  test('listening on one address leaves the others alone', () => {
    expect(allowed('127.0.0.2', own('127.0.0.1'), 8071)).toBe(true);
    expect(allowed('8.8.8.8', own('0.0.0.0'), 8071)).toBe(true);
  });
});
