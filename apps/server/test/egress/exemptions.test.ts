import { expect, test } from 'vitest';
import { parseExemptions } from '../../src/egress/exemptions.ts';

test.each([
  ['', 0],
  [' , ', 0],
  ['127.0.0.0/8', 1],
  ['127.0.0.0/8,::1/128 fd00::/8\n10.0.0.1', 4],
  ['0.0.0.0/0 ::/0', 2],
  ['receiver:8080, [::1]:9000, 127.0.0.1:1, Example.COM.:65535', 4],
])('%j holds %i exemptions', (text, count) => {
  const parsed = parseExemptions(text);
  expect(parsed.ok && parsed.exemptions.length).toBe(count);
});

test('a host is kept as a URL would have it', () => {
  const parsed = parseExemptions('EXAMPLE.com.:80 [0:0::1]:81 127.1:82');
  expect(parsed).toEqual({
    ok: true,
    exemptions: [
      { kind: 'host', host: 'example.com', port: 80 },
      { kind: 'host', host: '::1', port: 81 },
      { kind: 'host', host: '127.0.0.1', port: 82 },
    ],
  });
});

test.each([
  ['10.0.0.1/8', '10.0.0.1/8: bits set beyond the prefix; 10.0.0.0/8?'],
  ['fd00::1/8', 'fd00::1/8: bits set beyond the prefix; fd00::/8?'],
  ['10.0.0.0/33', '10.0.0.0/33: the prefix of an ipv4 network is at most 32'],
  ['::/129', '::/129: the prefix of an ipv6 network is at most 128'],
  ['10.0.0.0/', '10.0.0.0/: not a CIDR such as 10.0.0.0/8 or fd00::/8'],
  ['10/8', '10/8: not a CIDR such as 10.0.0.0/8 or fd00::/8'],
  ['10.0.0.0/-1', '10.0.0.0/-1: not a CIDR such as 10.0.0.0/8 or fd00::/8'],
  ['receiver', 'receiver: not an address, a CIDR, or host:port with a port from 1 to 65535'],
  ['receiver:0', 'receiver:0: not an address, a CIDR, or host:port with a port from 1 to 65535'],
  ['receiver:65536', 'receiver:65536: not an address, a CIDR, or host:port with a port from 1 to 65535'],
  ['receiver:http', 'receiver:http: not an address, a CIDR, or host:port with a port from 1 to 65535'],
  ['a@b:80', 'a@b:80: not an address, a CIDR, or host:port with a port from 1 to 65535'],
  ['a%zz:80', 'a%zz:80: malformed host'],
])('%s is refused with its reason', (text, reason) => {
  expect(parseExemptions(`127.0.0.1 ${text}`)).toEqual({ ok: false, reason });
});
