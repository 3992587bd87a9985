import { isJsonObject, type JsonObject } from './json.ts';
import type { Schema } from './schema.ts';
import type { Dialect } from './vocabulary.ts';

/** What a reference into its own document (`#`, `#/$defs/a`, `#anchor`) leads to; undefined where that is nothing. */
export function resolve(root: Schema, reference: string, anchors: ReadonlyMap<string, JsonObject>): unknown {
  const fragment = fragmentOf(reference);
  if (fragment === null) return undefined;
  if (fragment === '') return root;
  if (!fragment.startsWith('/')) return anchors.get(fragment);
  let here: unknown = root;
  for (const step of fragment.slice(1).split('/')) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as JsonObject)[name];
  }
  return here;
}

function fragmentOf(reference: string): string | null {
  if (!reference.startsWith('#')) return null;
  try {
    return decodeURIComponent(reference.slice(1));
  } catch {
    return null;
  }
}

const ASIDE = ['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else'];

/** A schema that leads back to itself on the same value, where no value could ever be judged by it. */
export function findLoop(
  schemas: Iterable<JsonObject>,
  dialect: Dialect,
  targets: ReadonlyMap<string, Schema>,
): JsonObject | null {
  const state = new Map<JsonObject, 'open' | 'done'>();
  const visit = (schema: JsonObject): JsonObject | null => {
    if (state.get(schema) === 'open') return schema;
    if (state.get(schema) === 'done') return null;
    state.set(schema, 'open');
    for (const next of ledTo(schema, dialect, targets)) {
      const found = visit(next);
      if (found) return found;
    }
    state.set(schema, 'done');
    return null;
  };
  for (const schema of schemas) {
    const found = visit(schema);
    if (found) return found;
  }
  return null;
}

/** The schemas that a value of this one is held against as well. */
function ledTo(schema: JsonObject, dialect: Dialect, targets: ReadonlyMap<string, Schema>): JsonObject[] {
  const reference = targetOf(schema.$ref, targets);
  if (dialect.isReferenceAlone && reference !== undefined) return [reference].filter(isJsonObject);
  const dependent = isJsonObject(schema.dependentSchemas) ? Object.values(schema.dependentSchemas) : [];
  const dependencies =
    dialect.forms.has('dependencies') && isJsonObject(schema.dependencies) ? Object.values(schema.dependencies) : [];
  return [
    reference,
    dialect.forms.has('$dynamicRef') ? targetOf(schema.$dynamicRef, targets) : undefined,
    ...ASIDE.flatMap((keyword) => (Object.hasOwn(schema, keyword) ? schema[keyword] : [])),
    ...(dialect.forms.has('dependentSchemas') ? dependent : []),
    ...dependencies,
  ].filter(isJsonObject);
}

function targetOf(reference: unknown, targets: ReadonlyMap<string, Schema>): Schema | undefined {
  return typeof reference === 'string' ? targets.get(reference) : undefined;
}
