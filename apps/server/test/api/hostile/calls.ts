import fc from 'fast-check';
import type { Operation } from '../../kit/document.ts';
import { fill, sampleOf } from '../samples.ts';
import type { Tenant } from '../tenant.ts';
import { near } from './near.ts';
import { anyJson, text } from './text.ts';

/** Generated calls of one operation: valid ones, bent somewhere. */
export interface HostileCall {
  /** What the path's parameters are filled with. Null: with what a valid call has there. */
  readonly values: Readonly<Record<string, string | null>>;
  /** With its question mark; '' for none. */
  readonly query: string;
  readonly body: string | Uint8Array<ArrayBuffer> | undefined;
  readonly headers: Record<string, string>;
}

export function hostileCalls(operation: Operation, tenant: Tenant): fc.Arbitrary<HostileCall> {
  const most = fc.oneof({ arbitrary: fc.constant(null), weight: 8 }, { arbitrary: segment, weight: 1 });
  const values = fc.record(Object.fromEntries(operation.parameters.map((name) => [name, most])));
  return fc.record({ values, query: queryOf(operation, tenant), body: bodyOf(operation, tenant), headers });
}

/** The call's path, and whether it is the operation's: URLs are normalised on their way, `/a/../b` to `/b`. */
export function pathOf(operation: Operation, call: HostileCall, valid: Readonly<Record<string, string>>) {
  const values = Object.entries(call.values).map(([name, value]) => [name, value ?? valid[name] ?? '']);
  const path = fill(operation.path, Object.fromEntries(values));
  return { path: path + call.query, isIntact: new URL(path, 'http://a').pathname === path };
}

const segment = fc.oneof(
  text.map((each) => encodeURIComponent(each.toWellFormed())),
  fc.constantFrom('%', '%zz', '%ed%a0%80', '%2e%2e%2f', '.', ';', '%25', 'a%00b', ':', '~', 'a'.repeat(300)),
);

/** The sample's own query, each declared parameter near its schema or bent as text, and now and then another. */
function queryOf(operation: Operation, tenant: Tenant): fc.Arbitrary<string> {
  const { query = '' } = sampleOf(operation);
  const given = new URLSearchParams(query);
  const declared = operation.queries.map(({ name, schema }) => {
    const value = fc.oneof(
      {
        arbitrary: near(schema, given.get(name) ?? undefined)
          .map(unquoted)
          .map(encoded),
        weight: 4,
      },
      { arbitrary: segment, weight: 1 },
      { arbitrary: fc.constantFrom(tenant.appId, tenant.uid, tenant.endpointId, tenant.messageId), weight: 1 },
    );
    const pair = value.map((each) => [`${name}=${each}`]);
    return fc.oneof({ arbitrary: fc.constant<string[]>([]), weight: 3 }, { arbitrary: pair, weight: 2 });
  });
  const names = operation.queries.map(({ name }) => name);
  const stray = fc.oneof(
    fc
      .tuple(fc.oneof(segment, fc.constantFrom('limit', 'limit[]', 'limit[a]', '__proto__', ...names)), segment)
      .map((pair) => pair.join('=')),
    fc.constantFrom('&', '=', '?', '%', '#', 'x', 'limit=1&limit=2', 'a=1&'.repeat(1_500)),
  );
  const strays = fc.oneof(
    { arbitrary: fc.constant<string[]>([]), weight: 12 },
    { arbitrary: stray.map((each) => [each]), weight: 1 },
  );
  const pairs = fc.tuple(...declared, strays).map((parts) => parts.flat());
  const built = pairs.map((each) => (each.length === 0 ? '' : `?${each.join('&')}`));
  return fc.oneof({ arbitrary: fc.constant(query && `?${query}`), weight: 1 }, { arbitrary: built, weight: 6 });
}

/** A body near the operation's own schema; seldom one of something else, cut somewhere, or no text at all. */
function bodyOf(operation: Operation, tenant: Tenant): fc.Arbitrary<HostileCall['body']> {
  const stray = fc.oneof(
    anyJson,
    fc.uint8Array({ maxLength: 60 }).map((raw) => new Uint8Array(raw)),
  );
  // Nothing is to be sent to these; POST and the like take anything all the same.
  if (operation.method === 'GET' || operation.method === 'HEAD') return fc.constant(undefined);
  if (!operation.body)
    return fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: stray, weight: 1 });
  const json = near(operation.body, sampleOf(operation).body?.(tenant));
  const cut = fc.tuple(json, fc.nat(), text).map(([whole, at, inserted]) => {
    const place = at % (whole.length + 1);
    return whole.slice(0, place) + inserted.toWellFormed() + whole.slice(place);
  });
  return fc.oneof(
    { arbitrary: json, weight: 16 },
    { arbitrary: cut, weight: 2 },
    { arbitrary: stray, weight: 1 },
    { arbitrary: fc.constant(undefined), weight: 1 },
  );
}

/** Headers that somebody between us and the caller might believe. */
const STRAY_HEADERS: readonly Record<string, string>[] = [
  ...[
    'text/plain',
    'application/json; charset=utf-16',
    'application/json;;;',
    'APPLICATION/JSON',
    '',
    'multipart/form-data',
    'application/x-www-form-urlencoded',
    'a/b; c="d',
  ].map((type) => ({ 'content-type': type })),
  ...['', 'Bearer', 'Bearer ', 'bearer x', 'Basic YTpi', 'Bearer pr_test_', `Bearer ${'x'.repeat(8_000)}`].map(
    (authorization) => ({ authorization }),
  ),
  ...['text/html', '*/*;q=0', 'application/xml', 'é', ','].map((accept) => ({ accept })),
  ...['*', '"x"', 'W/"x"'].flatMap((tag) => [{ 'if-match': tag }, { 'if-none-match': tag }]),
  { 'if-modified-since': 'never', 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
  {
    'x-forwarded-for': '127.0.0.1, ::1',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'ftp',
    'x-forwarded-prefix': '/../',
  },
  { forwarded: 'for=_x;host="a\\"b"', 'x-real-ip': "'--" },
  { 'x-http-method-override': 'DELETE', 'x-method-override': 'PUT' },
  { 'x-request-id': 'x'.repeat(3_000) },
  { 'request-id': '{}', traceparent: '00-zz-zz-zz', tracestate: 'a=b,'.repeat(500) },
  { 'content-encoding': 'gzip' },
  { 'accept-encoding': 'br;q=1.0, gzip;q=x', 'accept-language': '*', 'accept-version': '2.x' },
  { range: 'bytes=0-1', cookie: '__Host-session=x; a=b', origin: 'null', referer: 'javascript:1' },
  { 'content-type': 'application/json', 'idempotency-key': ' ' },
  { host: 'evil.example:99999' },
];

const headers: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 6 },
  {
    arbitrary: fc
      .constantFrom('', 'k', 'l', 'é', 'a b', 'x'.repeat(255), 'x'.repeat(256), '\t', '"')
      .map((key) => ({ 'idempotency-key': key })),
    weight: 1,
  },
  { arbitrary: fc.constantFrom(...STRAY_HEADERS), weight: 1 },
);

/** As a query has it: the text of a JSON string without its quotes, all else as it is. */
function unquoted(json: string): string {
  if (!json.startsWith('"')) return json.slice(0, 4_000);
  return String(JSON.parse(json)).slice(0, 4_000);
}

function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}
