import { expect, test } from 'vitest';
import { compilePattern, sizeOf } from '../../../src/core/json-schema/pattern.ts';
import { prepareSchema } from '../../../src/core/json-schema/prepare.ts';

const DRAFT_7 = { $schema: 'http://json-schema.org/draft-07/schema#' };
const deep = (levels: number): object => JSON.parse(`${'{"not":'.repeat(levels)}{}${'}'.repeat(levels)}`);

const REFUSED: [what: string, schema: unknown, path: string][] = [
  ['text', 'object', ''],
  ['an array', [{}], ''],
  ['null', null, ''],
  ['a type that there is not', { type: 'strin' }, '/type'],
  ['a part that is no schema', { properties: { a: { items: 5 } } }, '/properties/a/items'],
  ['a name with a slash in it', { properties: { 'a/b~': { type: 1 } } }, '/properties/a~1b~0/type'],
  ['a number that cannot be stored', { maximum: Number.POSITIVE_INFINITY }, '/maximum'],
  ['a negative length', { minLength: -1 }, '/minLength'],
  ['no choice', { anyOf: [] }, '/anyOf'],
  ['one name twice', { required: ['a', 'a'] }, '/required'],
  ['another draft', { $schema: 'https://json-schema.org/draft/2019-09/schema' }, '/$schema'],
  ['a draft of somebody’s own', { $schema: 'https://example.com/schema' }, '/$schema'],
  ['a list of items in 2020-12', { items: [{}] }, '/items'],
  ['a reference to elsewhere', { $ref: 'https://example.com/a.json' }, '/$ref'],
  ['a reference to a file', { properties: { a: { $ref: 'other.json#/a' } } }, '/properties/a/$ref'],
  ['a reference to nothing', { $ref: '#/$defs/a' }, '/$ref'],
  ['a reference to what is no schema', { $ref: '#/properties', properties: {} }, '/$ref'],
  ['a reference into Object.prototype', { $ref: '#/constructor' }, '/$ref'],
  ['a reference that is not text', { $ref: 5 }, '/$ref'],
  ['an unknown anchor', { $ref: '#a' }, '/$ref'],
  ['a reference to itself', { $ref: '#' }, ''],
  ['a circle', { $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { not: { $ref: '#/$defs/a' } } } }, '/$defs/a'],
  ['two of one anchor', { $defs: { a: { $anchor: 'x' }, b: { $anchor: 'x' } } }, '/$defs/b/$anchor'],
  ['a document in the document', { $defs: { a: { $id: 'https://example.com/a' } } }, '/$defs/a/$id'],
  ['a dialect in the document', { $defs: { a: { ...DRAFT_7 } } }, '/$defs/a/$schema'],
  ['a pattern that is none', { pattern: '(' }, '/pattern'],
  ['a name pattern that is none', { patternProperties: { '[': {} } }, '/patternProperties/['],
  ['look-ahead', { pattern: '^(?!a)' }, '/pattern'],
  ['a backreference', { pattern: '(a)\\1' }, '/pattern'],
  ['an endless repetition', { pattern: '(a{1,30}){1,40}' }, '/pattern'],
  ['too long a pattern', { pattern: 'a'.repeat(1_025) }, '/pattern'],
  ['too many levels', deep(65), ''],
  ['a million levels', { const: JSON.parse(`${'['.repeat(1e6)}${']'.repeat(1e6)}`) }, ''],
  ['more than 64 KiB', { description: 'x'.repeat(65_536) }, ''],
];

test.each(REFUSED)('a schema with %s is refused, and says where', (_, schema, path) => {
  const preparation = prepareSchema(schema);
  expect(preparation.ok ? [] : preparation.faults.map((fault) => fault.path)).toContain(path);
});

const TAKEN: [what: string, schema: unknown][] = [
  ['nothing in it', {}],
  ['its own name', { $id: 'https://example.com/invoice', $schema: 'https://json-schema.org/draft/2020-12/schema' }],
  ['a list of items in draft 7', { ...DRAFT_7, items: [{}, true], additionalItems: false }],
  ['words of somebody’s own', { 'x-owner': { $ref: 5 }, constructor: 1, deprecated: true, format: 'colour' }],
  ['a reference to the whole, a level down', { properties: { child: { $ref: '#' } } }],
  ['a reference to a part', { properties: { a: { type: 'string' }, b: { $ref: '#/properties/a' } } }],
  ['an escaped reference', { $defs: { 'a/b %': true }, $ref: '#/$defs/a~1b%20%25' }],
  ['an anchor', { $defs: { a: { $anchor: 'x' } }, $ref: '#x' }],
  ['a dynamic anchor', { $dynamicAnchor: 'node', properties: { next: { $dynamicRef: '#node' } } }],
  ['definitions', { definitions: { a: {} }, $ref: '#/definitions/a' }],
  ['64 levels', deep(63)],
];

test.each(TAKEN)('a schema with %s is taken', (_, schema) => {
  expect(prepareSchema(JSON.parse(JSON.stringify(schema)))).toMatchObject({ ok: true });
});

test('at most 20 faults are named', () => {
  const schema = { properties: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, 5])) };
  expect(prepareSchema(schema)).toMatchObject({ ok: false, faults: { length: 20 } });
});

test('the patterns of one schema are limited together', () => {
  const patterns = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`${n}a{800}`, {}]));
  expect(prepareSchema({ patternProperties: patterns })).toMatchObject({ ok: true });
  const more = Object.fromEntries(Array.from({ length: 13 }, (_, n) => [`${n}a{800}`, {}]));
  expect(prepareSchema({ patternProperties: more })).toMatchObject({
    faults: [{ message: 'is one pattern too many' }],
  });
});

test('a pattern that is none is told so before it is measured, however long it is', () => {
  const messages = [`${'['.repeat(10_001)}`, '['.repeat(9_999), '['.repeat(1_024)].map((pattern) =>
    prepareSchema({ pattern }),
  );
  const long = 'must have at most 1024 characters';
  expect(messages).toMatchObject([
    { faults: [{ message: long }] },
    { faults: [{ message: long }] },
    { faults: [{ message: 'must be a regular expression of ECMAScript (with the flag u)' }] },
  ]);
});

test('a pattern is as long as it is with its repetitions written out', () => {
  const sizes = [
    'abc',
    'a{3}',
    '(ab){3}',
    '((a{10}){10}){10}',
    '[a-z]{5}',
    '\\d{4}-\\d{2}',
    'a{2,}',
    'a{2,7}b',
    '\\u{1F600}',
  ];
  expect(sizes.map(sizeOf)).toEqual([3, 3, 9, 1_110, 5, 7, 2, 8, 1]);
});

test('a pattern means what it means in ECMAScript', () => {
  const same: [string, string[]][] = [
    ['^[A-Z]{2}\\d+$', ['DE12', 'DE', 'xDE12', 'DE12\n']],
    ['a.c', ['abc', 'a\nc', 'xa😀cx', 'ac']],
    ['^\\p{Lu}', ['É', 'é', 'E']],
    ['^\\u00e9\\x41\\/$', ['éA/', 'eA/']],
    ['(?<year>\\d{4})|^$', ['2026', '', 'x']],
    ['^(a|b)*?c\\b', ['abc', 'abcd', 'c d']],
    ['[^\\d\\s]', ['1', ' ', 'a']],
  ];
  for (const [source, texts] of same) {
    const pattern = compilePattern(source);
    if (typeof pattern === 'string') throw new Error(`${source}: ${pattern}`);
    for (const text of texts) expect(pattern.test(text), `${source} ${text}`).toBe(new RegExp(source, 'u').test(text));
  }
});
