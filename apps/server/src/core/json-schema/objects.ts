import { isJsonObject, type JsonObject } from './json.ts';
import { type Judged, type Keywords, of } from './keyword.ts';
import { once } from './once.ts';
import { STEPS_PER_TEST } from './pattern.ts';
import type { Schema } from './schema.ts';
import { namesOf } from './whole.ts';

type OfObject = Judged<JsonObject>;
type Schemas = Readonly<Record<string, Schema>>;

const has = Object.hasOwn;

/** Listed once: a schema that stops at the first of thousands is tried on as many values. */
const entries = once((operand: JsonObject): readonly (readonly [name: string, of: unknown])[] =>
  Object.entries(operand),
);

function entriesOf<Operand>(operand: Readonly<Record<string, Operand>>): readonly (readonly [string, Operand])[] {
  return entries(operand) as readonly (readonly [string, Operand])[];
}

/** Holds one member against a schema, and notes that it was looked at. */
function member({ run, value, place, seen }: OfObject, name: string, schema: Schema): boolean {
  seen?.names.add(name);
  return run.judge(schema, value[name], { parent: place, step: name }, null);
}

/** True where all are; stops at the first that is not only where nobody asks for all faults. */
function all<T>({ run }: OfObject, items: Iterable<T>, isGood: (item: T) => boolean): boolean {
  let areGood = true;
  for (const item of items) {
    run.work.spend(1);
    if (isGood(item)) continue;
    areGood = false;
    if (run.isSilent) break;
  }
  return areGood;
}

function areThere(judged: OfObject, names: readonly string[], beside?: string): boolean {
  return all(judged, names, (name) => {
    judged.run.work.compare(name);
    return (
      has(judged.value, name) ||
      judged.run.fault({ parent: judged.place, step: name }, () => `is required${because(beside)}`)
    );
  });
}

function because(beside: string | undefined): string {
  return beside === undefined ? '' : ` beside ${beside.slice(0, 128)}`;
}

function matches({ run }: OfObject, source: string, name: string): boolean {
  const pattern = run.schema.patterns.get(source);
  run.work.spend(STEPS_PER_TEST + Math.ceil(name.length * (pattern?.stepsPerCharacter ?? 1)));
  return pattern?.test(name) ?? false;
}

/** True where neither `properties` nor `patternProperties` of the same schema speaks of a member. */
function isAdditional(judged: OfObject, name: string): boolean {
  const { properties, patternProperties } = judged.schema as { properties?: Schemas; patternProperties?: Schemas };
  if (properties && has(properties, name)) return false;
  return !patternProperties || !entriesOf(patternProperties).some(([source]) => matches(judged, source, name));
}

export const OBJECTS: Keywords = of(isJsonObject, {
  maxProperties: ({ run, value, place }, most: number) =>
    namesOf(run.work, value).length <= most || run.fault(place, () => `must have at most ${most} members`),
  minProperties: ({ run, value, place }, least: number) =>
    namesOf(run.work, value).length >= least || run.fault(place, () => `must have at least ${least} members`),
  required: (judged, names: string[]) => areThere(judged, names),
  dependentRequired: (judged, dependents: Readonly<Record<string, string[]>>) =>
    all(judged, entriesOf(dependents), ([name, names]) => {
      return !has(judged.value, name) || areThere(judged, names, name);
    }),
  dependentSchemas: (judged, dependents: Schemas) =>
    all(judged, entriesOf(dependents), ([name, schema]) => {
      return !has(judged.value, name) || judged.run.judge(schema, judged.value, judged.place, judged.seen);
    }),
  dependencies: (judged, dependencies: Readonly<Record<string, Schema | string[]>>) =>
    all(judged, entriesOf(dependencies), ([name, dependency]) => {
      if (!has(judged.value, name)) return true;
      if (Array.isArray(dependency)) return areThere(judged, dependency, name);
      return judged.run.judge(dependency as Schema, judged.value, judged.place, judged.seen);
    }),
  properties: (judged, properties: Schemas) =>
    all(judged, entriesOf(properties), ([name, schema]) => {
      return !has(judged.value, name) || member(judged, name, schema);
    }),
  patternProperties: (judged, patterns: Schemas) =>
    all(judged, namesOf(judged.run.work, judged.value), (name) =>
      all(judged, entriesOf(patterns), ([source, schema]) => {
        return !matches(judged, source, name) || member(judged, name, schema);
      }),
    ),
  additionalProperties: (judged, schema: Schema) =>
    all(
      judged,
      namesOf(judged.run.work, judged.value),
      (name) => !isAdditional(judged, name) || member(judged, name, schema),
    ),
  propertyNames: (judged, schema: Schema) =>
    all(judged, namesOf(judged.run.work, judged.value), (name) =>
      judged.run.judge(schema, name, { parent: judged.place, step: name }, null),
    ),
  unevaluatedProperties: (judged, schema: Schema) => {
    const { seen } = judged;
    if (seen?.areAllNames) return true;
    const rest = namesOf(judged.run.work, judged.value).filter((name) => !seen?.names.has(name));
    return all(judged, rest, (name) => member(judged, name, schema));
  },
});
