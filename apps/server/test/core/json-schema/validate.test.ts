import { expect, test } from 'vitest';
import { prepareSchema } from '../../../src/core/json-schema/prepare.ts';
import { validate } from '../../../src/core/json-schema/validate.ts';

function faultsOf(schema: unknown, value: unknown) {
  const preparation = prepareSchema(schema);
  if (!preparation.ok) throw new Error(JSON.stringify(preparation.faults));
  return validate(preparation.schema, value, Buffer.byteLength(JSON.stringify(value)));
}

const FAULTS: [schema: unknown, value: unknown, faults: [path: string, message: string][]][] = [
  [{ type: 'object' }, [], [['', 'must be object']]],
  [{ type: ['string', 'null'] }, 5, [['', 'must be string or null']]],
  [{ required: ['a', 'b'] }, { b: 1 }, [['/a', 'is required']]],
  [
    { properties: { a: { type: 'string' }, n: { minimum: 3 } }, required: ['z'] },
    { a: 1, n: 2 },
    [
      ['/a', 'must be string'],
      ['/n', 'must be at least 3'],
      ['/z', 'is required'],
    ],
  ],
  [{ additionalProperties: false, properties: { a: {} } }, { a: 1, 'b/c': 2 }, [['/b~1c', 'is not allowed here']]],
  [{ items: { format: 'email' } }, ['a@b', 'a'], [['/1', 'must be in the format email']]],
  [{ enum: ['a', { b: 1 }] }, 'x', [['', 'must be one of ["a",{"b":1}]']]],
  [
    { oneOf: [{ type: 'number' }, { minimum: 0 }] },
    5,
    [['', 'must fit exactly one of the schemas of oneOf, and fits 2']],
  ],
  [{ anyOf: [{ type: 'string' }] }, 5, [['', 'must fit one of the schemas of anyOf']]],
  [{ multipleOf: 0.01 }, 19.99, []],
  [{ multipleOf: 0.01 }, 19.995, [['', 'must be a multiple of 0.01']]],
  [{ maxLength: 2 }, '😀😀', []],
  [{ maxLength: 2 }, '😀😀😀', [['', 'must have at most 2 characters']]],
  [
    { uniqueItems: true },
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [['', 'must not have an item twice']],
  ],
  [{ uniqueItems: true }, [1, '1', [1], true, 'true', null, 'null', {}], []],
  // What objects inherit is no member of theirs.
  [
    { required: ['constructor', 'toString'] },
    {},
    [
      ['/constructor', 'is required'],
      ['/toString', 'is required'],
    ],
  ],
  [JSON.parse('{"required":["__proto__"]}'), {}, [['/__proto__', 'is required']]],
  [
    JSON.parse('{"properties":{"__proto__":{"type":"string"}}}'),
    JSON.parse('{"__proto__":1}'),
    [['/__proto__', 'must be string']],
  ],
  [{ enum: [{}] }, { toString: 0 }, [['', 'must be one of [{}]']]],
  // In draft 7 what is beside a reference does not count, and formats of people's own never do.
  [
    {
      $schema: 'http://json-schema.org/draft-07/schema',
      $ref: '#/definitions/a',
      definitions: { a: {} },
      type: 'null',
    },
    5,
    [],
  ],
  [{ format: 'colour' }, 'x', []],
  [{ prefixItems: [true], unevaluatedItems: false }, [1, 2], [['/1', 'is not allowed here']]],
];

test.each(FAULTS)('%j says of %j what is wrong with it', (schema, value, faults) => {
  expect(faultsOf(schema, value).map(({ path, message }) => [path, message])).toEqual(faults);
});

const FORMATS: [format: string, good: string[], bad: string[]][] = [
  [
    'date-time',
    ['2026-11-21T09:30:00Z', '2026-11-21T09:30:00.123+02:00'],
    ['2026-11-21', '2026-02-30T00:00:00Z', '2026-11-21T24:00:00Z'],
  ],
  ['date', ['2024-02-29'], ['2026-02-29', '2026-1-1', '2026-11-21T00:00:00Z']],
  ['time', ['09:30:00Z', '23:59:60+00:00'], ['9:30', '24:00:00Z', '09:30:00']],
  ['email', ['a@example.com', 'ä@b'], ['a', '@', 'a@b@c', 'a b@c']],
  ['uri', ['https://example.com/a?b#c', 'urn:a:b', 'mailto:a@b'], ['/a', 'example.com', 'https://a b']],
  ['uuid', ['0190f5fe-7c00-7a00-8000-0123456789AB'], ['0190f5fe', '0190f5fe7c007a0080000123456789ab']],
  ['ipv4', ['192.0.2.1'], ['192.0.2.256', '1.2.3']],
  ['ipv6', ['2001:db8::1'], ['192.0.2.1', 'fe80::1%eth0']],
];

test.each(FORMATS)('the format %s is checked', (format, good, bad) => {
  const isGood = (text: string) => faultsOf({ format }, text).length === 0;
  expect({ good: good.filter(isGood), bad: bad.filter(isGood) }).toEqual({ good, bad: [] });
});

test('at most 20 faults are named, however many there are', () => {
  expect(
    faultsOf(
      { items: { type: 'string' } },
      Array.from({ length: 1_000 }, () => 1),
    ),
  ).toHaveLength(20);
});

test('what is named of a value is short, whatever its names', () => {
  const [fault] = faultsOf({ additionalProperties: false }, { ['x'.repeat(100_000)]: 1 });
  expect(fault?.path.length).toBeLessThan(200);
});

/** 30 levels, each of which goes down to the next twice: a thousand million visits. */
const doubling = {
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: 31 }, (_, n) => [
      `d${n}`,
      n === 30 ? {} : { allOf: [1, 2].map(() => ({ $ref: `#/$defs/d${n + 1}` })) },
    ]),
  ),
};
const many = Array.from({ length: 60_000 }, (_, n) => n);
const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

const ENDLESS: [what: string, schema: unknown, value: unknown][] = [
  ['schemas that double', doubling, {}],
  ['a value of 100,000 levels', { items: { $ref: '#' } }, nested(100_000)],
  ['a deep value compared with others', { uniqueItems: true }, [nested(50_000)]],
  ['a long text for a large pattern', { items: { pattern: '^(\\p{L}|x){200}y' } }, ['x'.repeat(100_000)]],
  ['many values for many choices', { items: { oneOf: many.slice(0, 3_000).map((n) => ({ const: n })) } }, many],
  [
    'many objects for many members',
    { items: { properties: Object.fromEntries(many.slice(0, 3_000).map((n) => [n, true])) } },
    many.map(() => ({})),
  ],
];

test.each(ENDLESS)('%s is too much work, and said to be', (_, schema, value) => {
  const preparation = prepareSchema(schema);
  if (!preparation.ok) throw new Error(JSON.stringify(preparation.faults));
  const faults = validate(preparation.schema, value, 200_000);
  expect(faults.at(-1)).toEqual({ path: '', message: 'takes too much work to hold against its schema' });
  expect(faults.length).toBeLessThanOrEqual(20);
});

test.each(['^(a+)+$', '^(a|aa)+$', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$'])('%s does not run away', (pattern) => {
  const text = `${'a'.repeat(20_000)}!`;
  expect(faultsOf({ items: { pattern } }, [text])).toHaveLength(1);
});

test('a large payload that is in order is not too much work', () => {
  const schema = {
    type: 'object',
    properties: { lines: { type: 'array', uniqueItems: true, items: { $ref: '#/$defs/line' } } },
    required: ['lines'],
    $defs: {
      line: {
        type: 'object',
        properties: {
          id: { type: 'string', pattern: '^[a-z0-9_]+$' },
          n: { type: 'integer', minimum: 0 },
          at: { format: 'date-time' },
        },
        required: ['id', 'n', 'at'],
        additionalProperties: false,
      },
    },
  };
  const lines = Array.from({ length: 4_500 }, (_, n) => ({ id: `line_${n}`, n, at: '2026-11-21T09:30:00Z' }));
  expect(JSON.stringify({ lines }).length).toBeGreaterThan(220_000);
  expect(faultsOf(schema, { lines })).toEqual([]);
});
