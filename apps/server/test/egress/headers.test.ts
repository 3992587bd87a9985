import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkHeaders } from '../../src/egress/headers.ts';

test('names come back in lower case, values as they are', () => {
  const checked = checkHeaders({ 'X-Tenant': 'Acme é', 'x-empty': '' }, 'message');
  expect(checked).toEqual({ ok: true, headers: { 'x-tenant': 'Acme é', 'x-empty': '' } });
});

test.each(
  (
    'host connection keep-alive transfer-encoding content-length content-type content-encoding te trailer upgrade ' +
    'expect date cookie proxy-authorization proxy-x x-forwarded-for x-forwarded-anything forwarded via webhook-id ' +
    'webhook-signature svix-id x-amz-acl user-agent Host WebHook-Id X-AMZ-Meta'
  ).split(' '),
)('%s may not be set by anyone', (name) => {
  for (const scope of ['message', 'endpoint'] as const) {
    expect(checkHeaders({ [name]: 'x' }, scope)).toEqual({
      ok: false,
      errors: [{ path: name, message: 'may not be set' }],
    });
  }
});

test('authorization may be set on an endpoint and not on a message', () => {
  expect(checkHeaders({ Authorization: 'Bearer x' }, 'endpoint').ok).toBe(true);
  expect(checkHeaders({ Authorization: 'Bearer x' }, 'message')).toEqual({
    ok: false,
    errors: [{ path: 'Authorization', message: 'may be set on an endpoint only' }],
  });
});

test.each(['', 'a b', 'a:b', 'é', 'a\r\nb', '\0', '(x)', 'a/b'])('%j is not a header name', (name) => {
  expect(checkHeaders({ [name]: 'x' }, 'endpoint')).toEqual({
    ok: false,
    errors: [{ path: name, message: 'not a header name' }],
  });
});

test.each(['a\r\nx: y', 'a\nb', 'a\rb', 'a\0b', 'a\x7f', 'a\x1b', '€', '日本', '\ud83d\ude00'])(
  '%j may not stand in a header',
  (value) => {
    expect(checkHeaders({ 'x-a': value }, 'endpoint')).toEqual({
      ok: false,
      errors: [{ path: 'x-a', message: 'holds a character no header may hold' }],
    });
  },
);

test('every error is told at once, and a name given twice in different case is one', () => {
  const checked = checkHeaders({ 'x-a': '1', 'X-A': '2', host: 'x', 'x-b': '\n' }, 'endpoint');
  expect(checked.ok ? [] : checked.errors.map((error) => error.path)).toEqual(['X-A', 'host', 'x-b']);
});

test('50 headers pass and 51 do not; 8 KB pass and a byte more does not', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, 'v']));
  expect(checkHeaders(many(50), 'endpoint').ok).toBe(true);
  expect(checkHeaders(many(51), 'endpoint').ok).toBe(false);
  const filling = 8192 - 'x-a'.length - 4;
  expect(checkHeaders({ 'x-a': 'v'.repeat(filling) }, 'endpoint').ok).toBe(true);
  expect(checkHeaders({ 'x-a': 'v'.repeat(filling + 1) }, 'endpoint').ok).toBe(false);
});

test('a name of the language itself is a name like any other', () => {
  const checked = checkHeaders(JSON.parse('{"__proto__":"a","constructor":"b"}'), 'endpoint');
  expect(checked.ok && Object.entries(checked.headers)).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});

test('whatever is let by is one line each on the wire', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (headers) => {
      const checked = checkHeaders(headers, 'endpoint');
      if (!checked.ok) return checked.errors.length > 0;
      return Object.entries(checked.headers).every(([name, value]) =>
        /^[^\s:]+: [^\r\n\0]*$/.test(`${name}: ${value}`),
      );
    }),
  );
});
