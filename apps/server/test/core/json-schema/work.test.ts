import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fault } from '../../../src/core/json-schema/json.ts';
import { prepareSchema } from '../../../src/core/json-schema/prepare.ts';
import { validate } from '../../../src/core/json-schema/validate.ts';
import { Work, workFor } from '../../../src/core/json-schema/work.ts';
import { Reads } from './counting.ts';
import { documentOf, value } from './generated.ts';

const TOO_MUCH = { path: '', message: 'takes too much work to hold against its schema' };
const DRAFT_7 = { $schema: 'http://json-schema.org/draft-07/schema#' };
const N = 1_000;
/** To list a member takes up to three, and to look at it another. */
const READS_PER_STEP = 6;
const RUNS = Number(process.env.POSTRIDER_TEST_RUNS ?? 250);

interface Judgement {
  readonly faults: readonly Fault[];
  readonly spent: number;
  /** How often something was read of the value and of the schema, which had been used before. */
  readonly reads: number;
}

function judged(schema: unknown, json: unknown, work: Work = workFor(JSON.stringify(json).length)): Judgement {
  const reads = new Reads();
  const preparation = prepareSchema(reads.of(schema));
  if (!preparation.ok) throw new Error(JSON.stringify(preparation.faults));
  validate(preparation.schema, json, 0, new Work(work.most));
  reads.count = 0;
  const faults = validate(preparation.schema, reads.of(json), 0, work);
  return { faults, spent: work.spent, reads: reads.count };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const members = (count: number, prefix = 'k') => Object.fromEntries(numbers(count).map((n) => [`${prefix}${n}`, n]));
/** Holds a value against a schema eight times eight times ... as often. */
const fan = (schema: unknown, levels: number) => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    numbers(levels + 1).map((level) => [
      `d${level}`,
      level === levels ? schema : { allOf: numbers(8).map(() => ({ $ref: `#/$defs/d${level + 1}` })) },
    ]),
  ),
});

test('a large constant that no item is, is not written out for each of them', () => {
  const { faults, reads, spent } = judged({ contains: { const: members(4_000) } }, Array(32_000).fill(1));
  expect(faults).toEqual([{ path: '', message: 'must contain at least 1 items that fit' }]);
  expect(reads).toBeLessThan(READS_PER_STEP * spent);
});

test('nor where it is referred to eight times', () => {
  const { reads, spent } = judged(fan({ contains: { const: members(4_000) } }, 1), Array(32_000).fill(1));
  expect(reads).toBeLessThan(READS_PER_STEP * spent);
});

test('members that are counted again and again are too much work', () => {
  const { faults, reads, spent } = judged(fan({ minProperties: 1 }, 5), members(20_000));
  expect(faults).toEqual([TOO_MUCH]);
  expect(reads).toBeLessThan(READS_PER_STEP * spent);
});

const long = 'x'.repeat(8 * N);
const same = () => JSON.parse(JSON.stringify(long)) as string;
const chain = (levels: number, schema: unknown) => ({
  unevaluatedProperties: false,
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    numbers(levels + 1).map((n) => [`d${n}`, n === levels ? schema : { $ref: `#/$defs/d${n + 1}` }]),
  ),
});

/** Whatever is looked at as a whole, though it be for nothing: what stops at the first fault has listed all all the same. */
const WHOLE: [what: string, schema: unknown, json: unknown, least: number][] = [
  ['members for minProperties', { minProperties: 1 }, members(N), N],
  ['members for maxProperties', { maxProperties: 1 }, members(N), N],
  ['members for propertyNames', { not: { propertyNames: false } }, members(N), N],
  ['members for additionalProperties', { not: { additionalProperties: false } }, members(N), N],
  ['members for patternProperties', { not: { patternProperties: { '^k': false } } }, members(N), N],
  ['members for unevaluatedProperties', { not: { unevaluatedProperties: false } }, members(N), N],
  ['members that others have looked at', chain(20, { additionalProperties: true }), members(N), 20 * N],
  ['items that others have looked at', { contains: true, minContains: 0, unevaluatedItems: false }, numbers(N), 3 * N],
  ['a constant that is the value', { const: members(N) }, members(N), 2 * N],
  ['a constant that is an array', { const: numbers(N) }, numbers(N), N],
  ['a constant that is less than the value', { const: {} }, members(N), N],
  ['a choice that is the value', { enum: [1, members(N)] }, members(N), 2 * N],
  ['a constant text', { const: same() }, same(), N / 8],
  ['a choice of texts', { enum: ['a', same()] }, same(), N / 8],
  ['a long text that must be once', { uniqueItems: true }, [long], N],
  ['a long name that must be once', { uniqueItems: true }, [{ [long]: 1 }], N],
  ['names that are put in order', { uniqueItems: true }, [members(N)], 4 * N],
  ['what lies deep and must be once', { uniqueItems: true }, [[[[[[[[[long]]]]]]]]], 2 * N],
  ['characters for maxLength', { maxLength: 1 }, long, N],
  ['characters for minLength', { minLength: 8 * N }, long, N],
  ['characters for a format', { format: 'email' }, long, N],
  ['characters for a pattern', { pattern: 'a' }, long, 8 * N],
  ['characters of a name for a pattern', { patternProperties: { a: true } }, { [long]: 1 }, 8 * N],
  ['a long name that is required', { required: [long] }, {}, N / 8],
  ['a long name that is required beside another', { dependentRequired: { a: [long] } }, { a: 1 }, N / 8],
  ['a long name in draft 7', { ...DRAFT_7, dependencies: { a: [long] } }, { a: 1 }, N / 8],
  ['a long reference', { $ref: `#/$defs/${long}`, $defs: { [long]: {} } }, 1, N / 8],
  ['keywords that all say yes', { minItems: 0, maxItems: 9, minLength: 0, type: 'number', minimum: 0 }, 1, 6],
];

test.each(WHOLE)('work is spent on %s', (_, schema, json, least) => {
  const { spent } = judged(schema, json, new Work(Number.MAX_SAFE_INTEGER));
  expect(spent).toBeGreaterThanOrEqual(least);
});

/** Thousands of words, the first of which decides: they are listed once, and not for every value. */
const among = (first: object, other: unknown) => ({
  ...first,
  ...Object.fromEntries(numbers(N).map((n) => [`_${n}`, other])),
});
const LISTED: [keyword: string, schema: Record<string, unknown>, each: unknown][] = [
  ['properties', { properties: among({ a: false }, true) }, { a: 1 }],
  ['dependentRequired', { dependentRequired: among({ a: ['b'] }, []) }, { a: 1 }],
  ['dependentSchemas', { dependentSchemas: among({ a: false }, true) }, { a: 1 }],
  ['dependencies', { ...DRAFT_7, dependencies: among({ a: false }, true) }, { a: 1 }],
  ['patternProperties', { patternProperties: among({ a: false }, true) }, { a: 1 }],
  [
    'patternProperties beside additionalProperties',
    { patternProperties: among({ a: true }, true), additionalProperties: false },
    { a: 1 },
  ],
  ['required', { required: ['b', ...Object.keys(members(N))] }, { a: 1 }],
  ['enum', { enum: numbers(N) }, -1],
  ['enum of objects', { enum: numbers(N).map((n) => ({ n })) }, { n: -1 }],
  ['const', { const: members(N) }, { a: 1 }],
  ['type', { type: 'object' }, 1],
];

test.each(LISTED)('%s reads no more of a schema and of values than it spends work for', (_, schema, each) => {
  const { $schema = 'https://json-schema.org/draft/2020-12/schema', ...rest } = schema;
  const { reads, spent } = judged({ $schema, items: { anyOf: [rest, true] } }, Array(N).fill(each));
  expect(reads).toBeLessThan(READS_PER_STEP * spent);
});

for (const dialect of ['2020-12', '7'] as const) {
  test(`a generated schema of draft ${dialect} reads no more of a wide value than it spends work for`, () => {
    const wide = fc
      .array(value, { minLength: 60, maxLength: 90 })
      .chain((items) => fc.constantFrom<unknown>(items, Object.fromEntries(items.map((item, n) => [`a${n}`, item]))));
    const property = fc.property(documentOf(dialect), wide, (schema, json) => {
      const plain = JSON.parse(JSON.stringify({ schema, json })) as { schema: unknown; json: unknown };
      fc.pre(prepareSchema(plain.schema).ok);
      const { reads, spent } = judged(plain.schema, plain.json);
      expect(reads, JSON.stringify(plain)).toBeLessThan(READS_PER_STEP * spent);
    });
    fc.assert(property, { numRuns: RUNS, seed: 20_261_121 });
  });
}

test('a large payload that is in order takes a third of the work that it may take at most', () => {
  const line = {
    type: 'object',
    properties: {
      id: { type: 'string', pattern: '^[a-z0-9_]+$' },
      n: { type: 'integer', minimum: 0 },
      at: { format: 'date-time' },
      state: { enum: numbers(200).map((n) => `state_${n}`) },
    },
    required: ['id', 'n', 'at', 'state'],
    additionalProperties: false,
    minProperties: 4,
  };
  const lines = numbers(3_000).map((n) => ({ id: `line_${n}`, n, at: '2026-11-21T09:30:00Z', state: 'state_7' }));
  const work = workFor(JSON.stringify(lines).length);
  const { faults, spent } = judged(
    { uniqueItems: true, items: { $ref: '#/$defs/line' }, $defs: { line } },
    lines,
    work,
  );
  expect(faults).toEqual([]);
  expect(spent).toBeLessThan(work.most / 3);
});
