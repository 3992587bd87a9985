import fc from 'fast-check';

/** Small values of every kind, and schemas that have something to say of them. */

const name = fc.constantFrom('a', 'b', 'ab', 'é', 'a/b');
const scalar = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, -1, 1.5, 10, true, false, null),
  fc.constantFrom('', 'a', 'ab', 'abc', '😀', 'b1'),
);

export const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((members) => Object.fromEntries(members)),
  ),
})).value;

const count = fc.integer({ min: 0, max: 3 });
const type = fc.constantFrom('array', 'boolean', 'integer', 'null', 'number', 'object', 'string');
const pattern = fc.constantFrom('a', '^a', 'b$', '^[a-z]+$', '\\d', '^.?$', 'a{2,}|^$');
const names = fc.uniqueArray(name, { maxLength: 3 });

/** One keyword after another, of which any schema has a few. */
function schemaOf(dialect: '2020-12' | '7', references: readonly string[]): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => {
    const sub = tie('schema');
    const map = (key: fc.Arbitrary<string>, to: fc.Arbitrary<unknown>) =>
      fc.array(fc.tuple(key, to), { maxLength: 3 }).map((members) => Object.fromEntries(members));
    const some = fc.array(sub, { minLength: 1, maxLength: 3 });
    const common: [string, fc.Arbitrary<unknown>][] = [
      ['type', fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 3 }))],
      ['enum', fc.uniqueArray(value, { minLength: 1, maxLength: 4, selector: (each) => JSON.stringify(each) })],
      ['const', value],
      ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'].map((key): [string, fc.Arbitrary<unknown>] => [
        key,
        fc.constantFrom(0, 1, 1.5, 3),
      ]),
      ['multipleOf', fc.constantFrom(1, 2, 0.5)],
      ...['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties'].map(
        (key): [string, fc.Arbitrary<unknown>] => [key, count],
      ),
      ['pattern', pattern],
      ['uniqueItems', fc.boolean()],
      ['contains', sub],
      ['required', names],
      ['properties', map(name, sub)],
      ['patternProperties', map(pattern, sub)],
      ['additionalProperties', sub],
      ['propertyNames', sub],
      ['allOf', some],
      ['anyOf', some],
      ['oneOf', some],
      ['not', sub],
      ['if', sub],
      ['then', sub],
      ['else', sub],
      ['$ref', fc.constantFrom(...references)],
    ];
    const own: [string, fc.Arbitrary<unknown>][] =
      dialect === '7'
        ? [
            ['items', fc.oneof(sub, some)],
            ['additionalItems', sub],
            ['dependencies', map(name, fc.oneof(sub, names))],
          ]
        : [
            ['items', sub],
            ['prefixItems', some],
            ['minContains', count],
            ['maxContains', count],
            ['dependentRequired', map(name, names)],
            ['dependentSchemas', map(name, sub)],
            ['unevaluatedItems', sub],
            ['unevaluatedProperties', sub],
          ];
    const keyword = fc.oneof(...[...common, ...own].map(([key, operand]) => fc.tuple(fc.constant(key), operand)));
    const object = fc.array(keyword, { maxLength: 4 }).map((members) => {
      const schema: Record<string, unknown> = Object.fromEntries(members);
      // In draft 7 it stands alone; Ajv takes what is beside it all the same.
      return dialect === '7' && schema.$ref ? { $ref: schema.$ref } : schema;
    });
    return {
      schema: fc.oneof({ maxDepth: 3 }, { arbitrary: fc.boolean(), weight: 1 }, { arbitrary: object, weight: 5 }),
    };
  }).schema as fc.Arbitrary<unknown>;
}

/** A whole document with two definitions that its parts refer to. */
export function documentOf(dialect: '2020-12' | '7'): fc.Arbitrary<Record<string, unknown>> {
  const key = dialect === '7' ? 'definitions' : '$defs';
  // What is defined refers to nothing, or it would lead back to itself.
  const plain = schemaOf(dialect, [`#/${key}/leaf`]);
  const root = schemaOf(dialect, [`#/${key}/one`, `#/${key}/two`, '#named']).filter((each) => typeof each === 'object');
  const named = dialect === '7' ? { $id: '#named' } : { $anchor: 'named' };
  return fc.tuple(root, plain, plain, fc.constant(named)).map(([schema, one, two, anchor]) => ({
    ...(schema as object),
    ...(dialect === '7' && { $schema: 'http://json-schema.org/draft-07/schema#' }),
    [key]: { one, two, leaf: { type: ['string', 'array'] }, three: { ...anchor, minimum: 1 } },
  }));
}
