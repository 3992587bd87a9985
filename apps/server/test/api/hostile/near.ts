import fc from 'fast-check';
import { anyJson, jsonOf, number, text } from './text.ts';

/** As much of JSON Schema as the API's own schemas use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly maxProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
}

/** How often a value is as it should be, at the border of what is allowed, and anything at all. */
const WEIGHTS = { right: 24, edge: 2, any: 1 };

/**
 * JSON text near a schema: valid but for a place or two, bent where the schema itself draws its lines. Where a valid
 * value is given it is kept in part, for what no schema can tell, such as the id of something that exists.
 */
export function near(schema: Schema, valid?: unknown): fc.Arbitrary<string> {
  return fc.oneof(
    { arbitrary: right(schema, valid), weight: WEIGHTS.right },
    { arbitrary: edge(schema, valid), weight: WEIGHTS.edge },
    { arbitrary: anyJson, weight: WEIGHTS.any },
  );
}

/** Of the schema's form; what is inside of it may be bent. */
function right(schema: Schema, valid: unknown): fc.Arbitrary<string> {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) {
    const fresh = branches.map((branch) => ({ arbitrary: right(branch, undefined), weight: 1 }));
    return valid === undefined
      ? fc.oneof(...fresh)
      : fc.oneof({ arbitrary: fc.constant(jsonOf(valid)), weight: 4 }, ...fresh);
  }
  const types = typesOf(schema);
  if (types.includes('object') && (valid === undefined || isObject(valid))) return object(schema, valid);
  if (types.includes('array') && (valid === undefined || Array.isArray(valid))) return array(schema, valid);
  if (valid !== undefined) return fc.constant(jsonOf(valid));
  if (schema.const !== undefined) return fc.constant(jsonOf(schema.const));
  if (schema.enum) return fc.constantFrom(...schema.enum).map(jsonOf);
  if (types.includes('string')) return string(schema).map(jsonOf);
  if (types.includes('integer') || types.includes('number')) return numeric(schema).map(jsonOf);
  if (types.includes('boolean')) return fc.boolean().map(jsonOf);
  return types.includes('null') ? fc.constant('null') : anyJson;
}

type Members = readonly (readonly [name: string, value: string])[];

function object(schema: Schema, valid: Readonly<Record<string, unknown>> | undefined): fc.Arbitrary<string> {
  const { properties = {}, required = [] } = schema;
  const named = Object.entries(properties).map(([name, property]) => {
    const given = valid?.[name];
    const isThere = given !== undefined || required.includes(name);
    const member = near(property, given).map((value): Members => [[name, value]]);
    const none = fc.constant<Members>([]);
    return fc.oneof({ arbitrary: member, weight: isThere ? 24 : 1 }, { arbitrary: none, weight: isThere ? 1 : 5 });
  });
  const rest = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  const unnamed = rest
    ? fc
        .array(fc.tuple(string(schema.propertyNames ?? {}), near(rest)), { maxLength: 3 })
        .map((members): Members => members)
    : fc.constant<Members>([]);
  return fc
    .tuple(fc.tuple(...named), unnamed)
    .map(([known, more]) =>
      jsonObject([...known.flat(), ...(valid && named.length === 0 ? jsonMembers(valid) : []), ...more]),
    );
}

function array(schema: Schema, valid: readonly unknown[] | undefined): fc.Arbitrary<string> {
  const { items = {}, minItems = 0 } = schema;
  const fresh = fc.array(near(items), { minLength: minItems, maxLength: Math.max(minItems, 3) });
  const given = fc.tuple(...(valid ?? []).map((item) => near(items, item)));
  return (valid ? fc.oneof({ arbitrary: given, weight: 4 }, { arbitrary: fresh, weight: 1 }) : fresh).map(
    (list) => `[${list.join()}]`,
  );
}

function string(schema: Schema): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = 2_000, pattern, format, examples } = schema;
  if (format === 'date-time') {
    const [min, max] = [new Date('2020-01-01T00:00:00Z'), new Date('2030-01-01T00:00:00Z')];
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  const fits = (value: string) => value.length >= minLength && value.length <= maxLength;
  const free = fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 20) });
  const matching =
    pattern === undefined
      ? free
      : fc.stringMatching(withoutLookahead(pattern)).map((value) => value.slice(0, maxLength));
  const known = examples?.filter((each) => typeof each === 'string' && fits(each)) as string[] | undefined;
  return known && known.length > 0 ? fc.oneof(matching, fc.constantFrom(...known)) : matching;
}

/** fast-check cannot look ahead. What such a condition rules out is then tried as well. */
function withoutLookahead(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll(/\(\?[=!][^()]*\)/g, ''));
}

function numeric(schema: Schema): fc.Arbitrary<number> {
  const min = schema.minimum ?? -1_000;
  const max = schema.maximum ?? 1_000_000;
  return typesOf(schema).includes('integer')
    ? fc.integer({ min: Math.ceil(min), max: Math.floor(max) })
    : fc.double({ min, max, noNaN: true });
}

/** Just inside and just outside of every bound that the schema has, and the same value in another type. */
function edge(schema: Schema, valid: unknown): fc.Arbitrary<string> {
  const values: fc.Arbitrary<string>[] = [fc.constantFrom('null', '""', '[]', '{}', '0', 'false')];
  const { minLength, maxLength, minimum, maximum, minItems, maxItems, maxProperties } = schema;
  const lengths = [minLength, maxLength].flatMap((length) =>
    length === undefined ? [] : [length - 1, length, length + 1],
  );
  for (const length of lengths.filter((each) => each >= 0)) {
    values.push(fc.constantFrom('x', ' ', 'é', '💥', '\0').map((letter) => jsonOf(letter.repeat(length))));
  }
  for (const bound of [minimum, maximum].filter((each) => each !== undefined)) {
    values.push(fc.constantFrom(bound - 1, bound - 0.5, bound, bound + 0.5, bound + 1, -bound).map(jsonOf));
  }
  for (const size of [minItems, maxItems].filter((each) => each !== undefined)) {
    const item = right(schema.items ?? {}, undefined);
    values.push(item.map((each) => `[${Array.from({ length: size + 1 }, () => each).join()}]`));
  }
  if (maxProperties !== undefined) {
    const members = Array.from({ length: maxProperties + 1 }, (_, n): [string, string] => [`n${n}`, '"v"']);
    values.push(fc.constant(jsonObject(members)));
  }
  const types = typesOf(schema);
  if (types.includes('string'))
    values.push(
      text.map(jsonOf),
      fc.constantFrom(...(schema.enum ?? ['a'])).map((each) => jsonOf(`${each} `)),
    );
  if (types.includes('number') || types.includes('integer')) values.push(number.map(jsonOf), fc.constant('"1"'));
  if (types.includes('boolean')) values.push(fc.constantFrom('"true"', '1', '[true]'));
  if (types.includes('object')) values.push(mangledObject(schema, valid));
  const form = right(schema, valid);
  values.push(
    form.map((each) => `[${each}]`),
    form.map((each) => `{"value":${each}}`),
    form.map(jsonOf),
  );
  return fc.oneof(...values);
}

/** A name twice, a name too many, or one that an object has anyway. */
function mangledObject(schema: Schema, valid: unknown): fc.Arbitrary<string> {
  const names = Object.keys(schema.properties ?? {});
  const name = fc.oneof(
    fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', ...names, ...names),
    text,
    ...(names.length > 0 ? [fc.constantFrom(...names).map((each) => each.toUpperCase())] : []),
  );
  return fc
    .tuple(right({ ...schema }, isObject(valid) ? valid : undefined), name, anyJson)
    .map(([whole, extra, value]) => {
      const inner = whole.slice(1, -1);
      return `{${inner}${inner === '' ? '' : ','}${jsonOf(extra)}:${value}}`;
    });
}

function typesOf({ type }: Schema): readonly string[] {
  return typeof type === 'string' ? [type] : (type ?? []);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonMembers(value: Readonly<Record<string, unknown>>): Members {
  return Object.entries(value).map(([name, each]) => [name, jsonOf(each)]);
}

/** By hand, because an object would take `__proto__` for its prototype and a name only once. */
function jsonObject(members: Members): string {
  return `{${members.map(([name, value]) => `${jsonOf(name)}:${value}`).join()}}`;
}
