import { expect, test } from 'vitest';
import { maskHeaders } from '../../src/core/mask.ts';
import { SCOPES, scopeAllows } from '../../src/core/scope.ts';

test.each([
  'authorization',
  'proxy-authorization',
  'x-auth',
  'x-api-key',
  'apikey',
  'x-access-token',
  'client-secret',
  'x-password',
  'x-credential-id',
  'webhook-signature',
  'x-session-id',
  'cookie',
  'set-cookie',
])('the value of %s is not shown', (name) => {
  expect(JSON.stringify(maskHeaders({ [name]: 'hunter2' }))).not.toContain('hunter2');
});

test('other headers are shown as they are, in their order', () => {
  const headers = { accept: '*/*', 'content-type': 'application/json', 'x-request-id': '7', __proto__x: '1' };
  expect(maskHeaders(headers)).toEqual(headers);
  expect(Object.keys(maskHeaders({ b: '1', authorization: '2', a: '3' }))).toEqual(['b', 'authorization', 'a']);
});

test('each scope allows itself and those before it', () => {
  const table = SCOPES.map((held) => SCOPES.map((needed) => scopeAllows(held, needed)));
  expect(table).toEqual([
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});
