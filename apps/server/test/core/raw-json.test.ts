import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elementSources, memberSource } from '../../src/core/raw-json.ts';

const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/);

/** A string as JSON text, some of its characters written as an escape though they need none. */
const quoted = fc.tuple(fc.string({ unit: 'binary', maxLength: 12 }), fc.infiniteStream(fc.boolean())).map(
  ([text, isEscaped]) =>
    `"${Array.from({ length: text.length }, (_, n) => {
      const unit = text.charCodeAt(n);
      const isAwkward = unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0xd800 && unit < 0xe000);
      return isAwkward || isEscaped.next().value ? `\\u${unit.toString(16).padStart(4, '0')}` : text[n];
    }).join('')}"`,
);

const shortEscapes = fc.constantFrom(
  '"\\\\"',
  '"\\""',
  '"\\\\\\""',
  '"a\\\\\\\\"',
  '"\\n\\/{}[],:"',
  '"}"',
  '"]"',
  '""',
);
const scalars = fc.oneof(
  quoted,
  shortEscapes,
  fc.constantFrom('1', '-0', '1.0', '1e5', '-1.50E+10', '12345678901234567890', 'true', 'false', 'null'),
);

/** JSON text of any value, oddly spaced. */
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalars,
    fc
      .tuple(space, fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }))
      .map(([inside, items]) => `[${inside}${items.map((item) => item.join('')).join(',')}]`),
    fc
      .tuple(space, fc.array(fc.tuple(space, quoted, space, space, tie('value'), space), { maxLength: 4 }))
      .map(
        ([inside, items]) => `{${inside}${items.map(([a, k, b, c, v, d]) => `${a + k + b}:${c}${v}${d}`).join(',')}}`,
      ),
  ),
}));

const key = fc.oneof(fc.constantFrom('"payload"', '"p\\u0061yload"', '"__proto__"', '"\\u005f_proto__"'), quoted);
const members = fc.array(fc.record({ a: space, key, b: space, c: space, value, d: space }), { maxLength: 6 });

test('each member’s source is its exact text; the last of the same name wins', () => {
  fc.assert(
    fc.property(members, space, (list, before) => {
      const json = `${before}{${list.map((m) => `${m.a}${m.key}${m.b}:${m.c}${m.value}${m.d}`).join(',')}${list.length ? '' : before}}`;
      const expected = new Map(list.map((member) => [JSON.parse(member.key) as string, member.value]));
      const parsed = new Map(Object.entries(JSON.parse(json) as object));
      expect(new Set(expected.keys())).toEqual(new Set(parsed.keys()));
      for (const [name, text] of expected) {
        expect(memberSource(json, name)).toBe(text);
        expect(JSON.parse(text)).toEqual(parsed.get(name));
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['{}', null],
  [' { } ', null],
  ['{"other":{"payload":1}}', null],
  ['{"a":"payload","b":["payload"]}', null],
  ['{"payload":1,"payload":2}', '2'],
  ['{"payload":1,"p\\u0061yload": [ 2 ] }', '[ 2 ]'],
  ['{"payload" \n:\t{ "a" : 1.0 } ,"x":1}', '{ "a" : 1.0 }'],
  ['{"x":"\\\\","payload":"\\\\\\""}', '"\\\\\\""'],
  ['{"x":"}\\"{","payload":[{"}":"]"}]}', '[{"}":"]"}]'],
  ['{"payload":-0.0e-1}', '-0.0e-1'],
  ['{"payload":null\n}', 'null'],
  ['{"pay\\load":1,"payload":2}'.replace('\\l', '\\/l'), '2'],
])('%s', (json, source) => {
  expect(memberSource(json, 'payload')).toBe(source);
});

test('a name that only looks like the wanted one is another member', () => {
  expect(memberSource('{"Payload":1,"payload ":2,"payloa":3,"":4}', 'payload')).toBeNull();
  expect(memberSource('{"\\"":1}', '"')).toBe('1');
  expect(memberSource('{"":4}', '')).toBe('4');
});

test('a megabyte of awkward text takes no longer than it must', () => {
  const awkward = `"${'\\\\'.repeat(500_000)}"`;
  const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
  const startedAt = performance.now();
  expect(memberSource(`{"x":${awkward},"payload":${deep}}`, 'payload')).toBe(deep);
  // Milliseconds if linear; minutes if each quote or bracket looked back over all before it.
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test.each([
  ['[]', []],
  [' [ ] ', []],
  ['[1]', ['1']],
  ['[ -0.0e-1 ,"a,]\\"", null\n]', ['-0.0e-1', '"a,]\\""', 'null']],
  ['[{"a":[1,2]} , [ ] ,[[","]]]', ['{"a":[1,2]}', '[ ]', '[[","]]']],
  ['[1.0,1.0]', ['1.0', '1.0']],
])('the elements of %s', (json, sources) => {
  expect(elementSources(json)).toEqual(sources);
});

test('the elements of any array are its own text, piece by piece', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(space, value, space), { maxLength: 6 }), (items) => {
      const sources = elementSources(`[${items.map((item) => item.join('')).join(',')}]`);
      expect(sources).toEqual(items.map(([, source]) => source));
    }),
    { numRuns: 300 },
  );
});
