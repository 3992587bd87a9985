import fc from 'fast-check';

/** Generated catalogues, as an export has them. */

export interface ExportedEventType {
  readonly name: string;
  readonly description: string;
  readonly group: string | null;
  readonly schema?: object;
  readonly schemas?: Record<string, object>;
  readonly example: object | null;
  readonly archived: boolean;
}

const word = fc.constantFrom(
  'invoice',
  'paid',
  'user',
  'é',
  'a/b',
  '~',
  'x y',
  '$ref',
  'const',
  'properties',
  '%41',
  '__proto__',
);
const text = fc
  .oneof(fc.constantFrom('', 'x', '漢字 \u0000'), fc.string({ maxLength: 20 }))
  .map((each) => each.replaceAll('\0', '').toWellFormed());
const pointer = (name: string) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

/** Schemas that refer to themselves in all ways, with values in them that look like references. */
const schema = fc
  .tuple(
    fc.dictionary(word, fc.constantFrom({ type: 'string' }, { minimum: 1 }, true), { maxKeys: 3 }),
    fc.uniqueArray(word, { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([defs, names, isRecursive]) => ({
    $defs: defs,
    properties: Object.fromEntries([
      ...names.map((name) => [
        name,
        { anyOf: [true, ...Object.keys(defs).map((each) => ({ $ref: `#/$defs/${pointer(each)}` }))] },
      ]),
      ...(isRecursive ? [['children', { type: 'array', items: { $ref: '#' } }]] : []),
      ['shape', { const: { $ref: '#/components/schemas/nothing' } }],
    ]),
  }));

const example = fc.option(
  fc.dictionary(fc.constantFrom('a', 'b', 'é', '__proto__'), fc.oneof(fc.integer(), text), { maxKeys: 3 }),
);

const eventType = (versions: boolean) =>
  fc.record({
    description: text,
    group: fc.option(fc.constantFrom('Billing', 'Sales', 'é "')),
    schemas: fc.uniqueArray(schema, { maxLength: versions ? 3 : 1, selector: (each) => JSON.stringify(each) }),
    example,
    archived: fc.boolean(),
  });

/** @param versions true: schemas have a past. */
export function catalogue(versions: boolean): fc.Arbitrary<ExportedEventType[]> {
  const name = fc.uniqueArray(
    fc.stringMatching(/^[a-z]{1,8}(\.[A-Za-z0-9_-]{1,8}){0,2}$/).filter((each) => each !== 'export'),
    {
      maxLength: 8,
    },
  );
  return name.chain((names) =>
    fc.tuple(...names.map(() => eventType(versions))).map((types) =>
      types.map(({ schemas, ...rest }, n) => ({
        name: names[n] ?? '',
        ...rest,
        ...(schemas.length === 1 && { schema: schemas[0] }),
        ...(schemas.length > 1 && { schemas: Object.fromEntries(schemas.map((each, at) => [at + 1, each])) }),
      })),
    ),
  ) as fc.Arbitrary<ExportedEventType[]>;
}
