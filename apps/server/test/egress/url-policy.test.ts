import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkUrl } from '../../src/egress/url-policy.ts';
import { exempting, LAX, LOCAL, STRICT } from './stage.ts';

function reasonOf(text: string, policy = LAX): string {
  const checked = checkUrl(policy, text);
  return checked.ok ? `allowed ${checked.url.href}` : checked.reason;
}

describe('the strings that people try are refused at save', () => {
  test.each([
    ['http://127.1', 'private_address 127.0.0.1'],
    ['http://0x7f000001', 'private_address 127.0.0.1'],
    ['http://2130706433', 'private_address 127.0.0.1'],
    ['http://017700000001', 'private_address 127.0.0.1'],
    ['http://0', 'private_address 0.0.0.0'],
    ['http://[::]', 'private_address ::'],
    ['http://[::ffff:127.0.0.1]', 'private_address ::ffff:7f00:1'],
    ['http://[64:ff9b::7f00:1]', 'private_address 64:ff9b::7f00:1'],
    ['http://[2002:7f00:1::]', 'private_address 2002:7f00:1::'],
    ['http://[fe80::1%25eth0]', 'malformed_url'],
    ['http://①②⑦.⓪.⓪.①', 'private_address 127.0.0.1'],
    ['http://127。0。0。1', 'private_address 127.0.0.1'],
    ['http://localhoſt', 'reserved_name localhost'],
    ['http://%31%32%37.0.0.1', 'private_address 127.0.0.1'],
    ['http://metadata.google.internal.', 'reserved_name metadata.google.internal'],
    ['http://a@127.0.0.1', 'userinfo_not_allowed'],
    ['http://127.0.0.1\\@example.com', 'forbidden_character U+005C'],
    ['http:///127.0.0.1', 'malformed_url'],
    ['ftp://example.com', 'scheme_not_allowed ftp:'],
    ['http://100.64.0.1', 'private_address 100.64.0.1'],
    ['http://169.254.169.254', 'private_address 169.254.169.254'],
    ['http://kubernetes.default.svc', 'reserved_name kubernetes.default.svc'],
  ])('%s', (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  test('https://example.com:22', () => {
    expect(reasonOf('https://example.com:22', STRICT)).toBe('port_not_allowed 22');
  });
});

describe('more strings are refused', () => {
  test.each([
    ['', 'malformed_url'],
    ['example.com', 'malformed_url'],
    ['//example.com', 'malformed_url'],
    ['https:example.com', 'malformed_url'],
    ['https:/example.com', 'malformed_url'],
    ['https:////example.com', 'malformed_url'],
    ['https://', 'malformed_url'],
    ['https://?x', 'malformed_url'],
    ['https://:443', 'malformed_url'],
    ['https://example.com:65536', 'malformed_url'],
    ['https://1.2.3.4.5', 'malformed_url'],
    ['https://256.1.1.1', 'malformed_url'],
    ['https://exa mple.com', 'forbidden_character U+0020'],
    [' https://example.com', 'forbidden_character U+0020'],
    ['https://example.com\n', 'forbidden_character U+000A'],
    ['https://exam\tple.com', 'forbidden_character U+0009'],
    ['https://example.com/\0', 'forbidden_character U+0000'],
    ['https://example.com/\x7f', 'forbidden_character U+007F'],
    ['https://example.com/\u0085', 'forbidden_character U+0085'],
    ['https://example.com/\u00a0', 'forbidden_character U+00A0'],
    ['https://exa\u00admple.com', 'forbidden_character U+00AD'],
    ['https://example.com/\u202e', 'forbidden_character U+202E'],
    ['https://example.com/\ud800', 'forbidden_character U+D800'],
    ['https:\\\\example.com', 'forbidden_character U+005C'],
    ['https://@example.com', 'userinfo_not_allowed'],
    ['https://:@example.com', 'userinfo_not_allowed'],
    ['https://user:pass@example.com', 'userinfo_not_allowed'],
    ['javascript:alert(1)', 'scheme_not_allowed javascript:'],
    ['file:///etc/passwd', 'scheme_not_allowed file:'],
    ['gopher://example.com', 'scheme_not_allowed gopher:'],
    ['ws://example.com', 'scheme_not_allowed ws:'],
    ['https://example.com:0', 'port_not_allowed 0'],
    ['https://localhost', 'reserved_name localhost'],
    ['https://LOCALHOST.', 'reserved_name localhost'],
    ['https://foo.localhost', 'reserved_name foo.localhost'],
    ['https://printer.local', 'reserved_name printer.local'],
    ['https://router.home.arpa', 'reserved_name router.home.arpa'],
    ['https://1.0.0.127.in-addr.arpa', 'reserved_name 1.0.0.127.in-addr.arpa'],
    ['https://x.onion', 'reserved_name x.onion'],
    ['https://x.test', 'reserved_name x.test'],
    ['https://nas.lan', 'reserved_name nas.lan'],
    ['https://db.svc.cluster.local', 'reserved_name db.svc.cluster.local'],
    ['https://api.consul', 'reserved_name api.consul'],
    ['https://postgres', 'single_label_name postgres'],
    ['https://metadata.', 'single_label_name metadata'],
    ['https://a..b.com', 'malformed_name a..b.com'],
    ['https://example.com..', 'malformed_name example.com.'],
    ['https://.example.com', 'malformed_name .example.com'],
    ['https://-a.example.com', 'malformed_name -a.example.com'],
    ['https://a-.example.com', 'malformed_name a-.example.com'],
    ['https://a*b.example.com', 'malformed_name a*b.example.com'],
    [`https://${'a'.repeat(64)}.com`, `malformed_name ${'a'.repeat(64)}`],
    [`https://example.com/${'a'.repeat(2048)}`, 'url_too_long 2068'],
    ['https://[::1]', 'private_address ::1'],
    ['https://[::7f00:1]', 'private_address ::7f00:1'],
    ['https://[fd00::1]', 'private_address fd00::1'],
    ['https://[::ffff:a9fe:a9fe]', 'private_address ::ffff:a9fe:a9fe'],
  ])('%j', (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  test('a name longer than 253 characters', () => {
    expect(reasonOf(`https://${'abcd.'.repeat(51)}com`)).toMatch(/^malformed_name /);
  });
});

describe('what a receiver really looks like passes', () => {
  test.each([
    ['https://example.com', 'https://example.com/'],
    ['https://example.com.', 'https://example.com/'],
    ['https://example.com.:8443/x', 'https://example.com:8443/x'],
    ['HTTPS://EXAMPLE.com:443/Hook?a=b%20c', 'https://example.com/Hook?a=b%20c'],
    ['https://example.com/@user', 'https://example.com/@user'],
    ['https://example.com?next=a@b', 'https://example.com/?next=a@b'],
    ['https://my_app.example.com/', 'https://my_app.example.com/'],
    ['https://bücher.example.com/é', 'https://xn--bcher-kva.example.com/%C3%A9'],
    ['https://8.8.8.8/', 'https://8.8.8.8/'],
    ['https://[2606:4700:4700::1111]/', 'https://[2606:4700:4700::1111]/'],
    ['https://locals.com', 'https://locals.com/'],
    ['https://internal.example.com', 'https://internal.example.com/'],
  ])('%s', (text, href) => {
    expect(reasonOf(text, STRICT)).toBe(`allowed ${href}`);
  });

  test('http: only where it is allowed', () => {
    expect(reasonOf('http://example.com', LAX)).toBe('allowed http://example.com/');
    expect(reasonOf('http://example.com', STRICT)).toBe('scheme_not_allowed http:');
  });
});

describe('exemptions', () => {
  test('a CIDR opens its addresses, and neither names nor ports nor http', () => {
    const policy = { ...STRICT, exempt: exempting('127.0.0.0/8') };
    expect(reasonOf('https://127.0.0.1:8443', policy)).toBe('allowed https://127.0.0.1:8443/');
    expect(reasonOf('https://127.0.0.1:9000', policy)).toBe('port_not_allowed 9000');
    expect(reasonOf('http://127.0.0.1:8443', policy)).toBe('scheme_not_allowed http:');
    expect(reasonOf('https://localhost:8443', policy)).toBe('reserved_name localhost');
    expect(reasonOf('https://[::ffff:127.0.0.1]:8443', policy)).toBe('private_address ::ffff:7f00:1');
  });

  test('a CIDR with any port opens its addresses at any port', () => {
    expect(reasonOf('http://127.0.0.1:9000', LOCAL)).toBe('allowed http://127.0.0.1:9000/');
    expect(reasonOf('http://127.1:9000', LOCAL)).toBe('allowed http://127.0.0.1:9000/');
  });

  test('host:port opens that host at that port past every rule', () => {
    const policy = { ...STRICT, exempt: exempting('receiver:8080 localhost:3000 10.0.0.5:9000 [::1]:9000') };
    expect(reasonOf('https://receiver:8080', policy)).toBe('allowed https://receiver:8080/');
    expect(reasonOf('https://RECEIVER.:8080', policy)).toBe('allowed https://receiver:8080/');
    expect(reasonOf('https://localhost:3000', policy)).toBe('allowed https://localhost:3000/');
    expect(reasonOf('https://10.0.0.5:9000', policy)).toBe('allowed https://10.0.0.5:9000/');
    expect(reasonOf('https://[::1]:9000', policy)).toBe('allowed https://[::1]:9000/');
    expect(reasonOf('https://receiver:8443', policy)).toBe('single_label_name receiver');
    expect(reasonOf('https://a.receiver:8080', policy)).toBe('port_not_allowed 8080');
    expect(reasonOf('https://10.0.0.5:8443', policy)).toBe('private_address 10.0.0.5');
  });

  test('our own address is refused, exempt or not', () => {
    const policy = { ...LOCAL, exempt: exempting('127.0.0.0/8, localhost:8071, 127.0.0.1:8071') };
    const own = { ...policy, own: [{ address: '0.0.0.0', port: 8071 }] };
    expect(reasonOf('http://127.0.0.1:8071', own)).toBe('own_address 127.0.0.1');
    expect(reasonOf('http://127.0.0.1:8072', own)).toBe('allowed http://127.0.0.1:8072/');
  });
});

test('whatever the text, the answer is a reason or a URL whose own text passes again', () => {
  const pieces = fc.constantFrom(
    ...['http', 'https', ':', '/', '//', '@', '\\', '.', '127.0.0.1', '[::1]', 'example.com', '%31', '。', ':443', '?'],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl(),
    fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const checked = checkUrl(LAX, candidate);
      if (!checked.ok) return /^[a-z_]+(?: |$)/.test(checked.reason);
      const again = checkUrl(LAX, checked.url.href);
      return again.ok && again.url.href === checked.url.href && checked.url.username === '';
    }),
    { numRuns: 2_000 },
  );
});
