/**
 * The keywords of the two dialects and what each must be followed by, as the meta-schemas have it. Whatever is not here
 * is a note to people.
 */
export type Form =
  | 'schema'
  | 'schemas'
  | 'schema or schemas'
  | 'map of schemas'
  | 'map of patterns'
  | 'map of schemas or names'
  | 'map of names'
  | 'names'
  | 'number'
  | 'positive number'
  | 'count'
  | 'flag'
  | 'text'
  | 'pattern'
  | 'types'
  | 'values'
  | 'any';

export interface Dialect {
  readonly forms: ReadonlyMap<string, Form>;
  /** In draft 7 a reference stands for the whole schema that it is in. */
  readonly isReferenceAlone: boolean;
}

const COMMON: readonly (readonly [string, Form])[] = [
  ...keywords('schema', 'additionalProperties contains else if not propertyNames then'),
  ...keywords('schemas', 'allOf anyOf oneOf'),
  ...keywords('map of schemas', 'definitions properties'),
  ...keywords('map of patterns', 'patternProperties'),
  ...keywords('names', 'required'),
  ...keywords('number', 'exclusiveMaximum exclusiveMinimum maximum minimum'),
  ...keywords('positive number', 'multipleOf'),
  ...keywords('count', 'maxItems maxLength maxProperties minItems minLength minProperties'),
  ...keywords('flag', 'readOnly uniqueItems writeOnly'),
  ...keywords('text', '$comment $id $ref $schema contentEncoding contentMediaType description format title'),
  ...keywords('pattern', 'pattern'),
  ...keywords('types', 'type'),
  ...keywords('values', 'enum examples'),
  ...keywords('any', 'const default'),
];

export const DRAFT_2020_12: Dialect = {
  isReferenceAlone: false,
  forms: new Map([
    ...COMMON,
    ...keywords('schema', 'contentSchema items unevaluatedItems unevaluatedProperties'),
    ...keywords('schemas', 'prefixItems'),
    ...keywords('map of schemas', '$defs dependentSchemas'),
    ...keywords('map of names', 'dependentRequired'),
    ...keywords('count', 'maxContains minContains'),
    ...keywords('flag', 'deprecated'),
    ...keywords('text', '$anchor $dynamicAnchor $dynamicRef'),
  ]),
};

export const DRAFT_7: Dialect = {
  isReferenceAlone: true,
  forms: new Map([
    ...COMMON,
    ...keywords('schema', 'additionalItems'),
    ...keywords('schema or schemas', 'items'),
    ...keywords('map of schemas or names', 'dependencies'),
  ]),
};

/** The dialect that `$schema` names, 2020-12 where it names none; undefined for any other. */
export function dialectOf(name: unknown): Dialect | undefined {
  if (name === undefined || name === 'https://json-schema.org/draft/2020-12/schema') return DRAFT_2020_12;
  if (typeof name === 'string' && /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/.test(name)) return DRAFT_7;
  return undefined;
}

function keywords(form: Form, names: string): [string, Form][] {
  return names.split(' ').map((name) => [name, form]);
}
