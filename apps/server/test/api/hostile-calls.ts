import fc from 'fast-check';
import type { Operation } from '../kit/document.ts';
import { fill, sampleOf, valuesOf } from './samples.ts';
import type { Tenant } from './tenant.ts';

/** Generated calls of one operation: valid ones, bent somewhere. */
export interface HostileCall {
  readonly path: string;
  readonly body: string | Uint8Array<ArrayBuffer> | undefined;
  readonly headers: Record<string, string>;
}

const nasty = fc.constantFrom(
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud83d',
    '\ude00x',
    '__proto__',
    'constructor',
    'toString',
    '../../etc/passwd',
    '\r\nx: y',
  ],
  ...[
    "' or 1=1 --",
    '{{7*7}}',
    '<script>',
    '%00',
    '%',
    '💥',
    'null',
    'NaN',
    '-0',
    '1e400',
    '*',
    'a.*',
    'default',
    'app_x',
  ],
  ...[
    'ep_00000000000000000000000000',
    'msg_zzzzzzzzzzzzzzzzzzzzzzzzzz',
    'https://0x7f.1/',
    'whsec_',
    'x'.repeat(3_000),
  ],
);
const text = fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 40 }));
const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-1, 0, 1e308, 2 ** 53, 2 ** 31, 1e-320));
const deep = fc.integer({ min: 1, max: 2_000 }).map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)));
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const value: fc.Arbitrary<unknown> = fc.oneof(
  { arbitrary: scalar, weight: 5 },
  { arbitrary: fc.array(fc.oneof(scalar, fc.array(scalar)), { maxLength: 5 }), weight: 2 },
  { arbitrary: fc.dictionary(text, fc.oneof(scalar, fc.array(scalar)), { maxKeys: 5 }), weight: 2 },
  { arbitrary: deep, weight: 1 },
  { arbitrary: fc.integer({ min: 51, max: 20_000 }).map((length) => Array.from({ length }, () => 'a')), weight: 1 },
);

const KNOWN =
  'type url events all_events channels description metadata active headers retry_policy timeout_seconds secret uid name ' +
  'scope event_type payload endpoint_ids event_id destination endpoint_id idempotency_key filter since until only_failed ' +
  'dry_run messages deliver_at expires_at rate_limit plan monthly_event_limit';
const field = fc.oneof({ arbitrary: fc.constantFrom(...KNOWN.split(' ')), weight: 4 }, { arbitrary: text, weight: 1 });

/** A valid body with up to four members replaced, added or taken away; or anything else; and then maybe cut in bytes. */
function bodyLike(valid: object): fc.Arbitrary<string | Uint8Array<ArrayBuffer> | undefined> {
  const bent = fc.array(fc.tuple(field, fc.option(value, { nil: undefined })), { maxLength: 4 }).map((changes) => {
    // Of a list, its first item is bent, and alone.
    const members = new Map<string, unknown>(Object.entries(Array.isArray(valid) ? Object(valid[0]) : valid));
    for (const [name, replacement] of changes) members.set(name, replacement);
    // By hand, because an object would take __proto__ for its prototype.
    const shown = [...members].filter(([, each]) => each !== undefined);
    const item = `{${shown.map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`).join(',')}}`;
    return Array.isArray(valid) ? `[${item}]` : item;
  });
  const json = fc.oneof(
    { arbitrary: bent, weight: 8 },
    { arbitrary: value.map((any) => JSON.stringify(any)), weight: 1 },
  );
  const cut = fc.tuple(json, fc.nat(), text).map(([whole, at, inserted]) => {
    const place = at % (whole.length + 1);
    return whole.slice(0, place) + inserted.toWellFormed() + whole.slice(place);
  });
  const bytes = fc.uint8Array({ maxLength: 60 }).map((raw) => new Uint8Array(raw));
  return fc.oneof(
    { arbitrary: json, weight: 8 },
    { arbitrary: cut, weight: 2 },
    { arbitrary: bytes, weight: 1 },
    { arbitrary: fc.constant(undefined), weight: 1 },
  );
}

const segment = fc.oneof(
  text.map((each) => encodeURIComponent(each.toWellFormed())),
  fc.constantFrom('%', '%zz', '%ed%a0%80', '%2e%2e%2f', '.', ';', '%25', 'a%00b', ':', '~'),
);
const query = fc.oneof(
  { arbitrary: fc.constant(''), weight: 3 },
  {
    arbitrary: fc
      .array(fc.tuple(fc.oneof(fc.constantFrom('limit', 'offset', 'cursor', 'since', 'status'), segment), segment), {
        minLength: 1,
        maxLength: 3,
      })
      .map((pairs) => `?${pairs.map(([name, each]) => `${name}=${each}`).join('&')}`),
    weight: 1,
  },
);
const headers: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 4 },
  {
    arbitrary: fc
      .constantFrom('', 'k', 'é', 'a b', 'x'.repeat(255), 'x'.repeat(256), '\t', '"')
      .map((key) => ({ 'idempotency-key': key })),
    weight: 1,
  },
);

export function hostileCalls(operation: Operation, tenant: Tenant): fc.Arbitrary<HostileCall> {
  const sample = sampleOf(operation);
  const most = (good: string) =>
    fc.oneof({ arbitrary: fc.constant(good), weight: 4 }, { arbitrary: segment, weight: 1 });
  const values = fc.record(
    Object.fromEntries(Object.entries(valuesOf(sample, tenant)).map(([name, good]) => [name, most(good)])),
  );
  const path = fc.tuple(values, query).map(([filled, rest]) => fill(operation.path, filled) + rest);
  const takesBody = ['POST', 'PATCH', 'PUT'].includes(operation.method);
  const body = takesBody ? bodyLike(sample.body?.(tenant) ?? {}) : fc.constant(undefined);
  return fc.record({ path, body, headers });
}
