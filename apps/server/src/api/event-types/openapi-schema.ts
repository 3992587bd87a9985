import { isJsonObject, type JsonObject } from '../../core/json-schema/json.ts';
import { SCHEMA_MAX_BYTES } from '../../core/json-schema/schema.ts';
import { invalidFields } from '../../errors.ts';

/**
 * A schema within an OpenAPI document refers to others by where they are in the document; in the catalogue it stands
 * alone. On the way in, what it refers to comes along as `$defs`; on the way out, it is a component and its references
 * begin there.
 */

const COMPONENTS = '#/components/schemas/';

/** @param name the schema's own name among the components. */
export function asComponent(schema: JsonObject, name: string): JsonObject {
  return withReferences(schema, (reference) => {
    const isWithin = reference === '#' || reference.startsWith('#/');
    return isWithin ? COMPONENTS + name + reference.slice(1) : reference;
  });
}

/** @param at where it is in the document, for faults. @throws Problem `validation_failed` */
export function standingAlone(document: JsonObject, schema: JsonObject, at: string): JsonObject {
  return new Gathering(componentsOf(document), at).gather(schema);
}

/** One schema and what it refers to. */
class Gathering {
  readonly #components: JsonObject;
  readonly #at: string;
  /** Where each component that was referred to is now. */
  readonly #places = new Map<string, string>();
  /** The names that definitions have, and the components that they are of. */
  readonly #definitions = new Map<string, string | null>();
  #keyword = '$defs';

  constructor(components: JsonObject, at: string) {
    this.#components = components;
    this.#at = at;
  }

  gather(schema: JsonObject): JsonObject {
    const own = isBareReference(schema) ? stepsOf(schema.$ref)?.name : undefined;
    const root = own === undefined ? schema : this.#component(own);
    if (own !== undefined) this.#places.set(own, '#');
    if (typeof root.$schema === 'string' && root.$schema.includes('draft-07')) this.#keyword = 'definitions';
    const before = root[this.#keyword];
    if (isJsonObject(before)) for (const name of Object.keys(before)) this.#definitions.set(name, null);
    const put = (reference: string) => this.#put(reference);
    const result = withReferences(root, put);
    const added: [string, JsonObject][] = [];
    let bytes = JSON.stringify(result).length;
    // Grows while it is gone through: what comes along may refer to more.
    for (const [name, component] of this.#definitions) {
      if (component === null) continue;
      const definition = withReferences(this.#component(component), put);
      bytes += JSON.stringify(definition).length;
      if (bytes > SCHEMA_MAX_BYTES) throw this.#fault(`has ${SCHEMA_MAX_BYTES} bytes or more with what it refers to`);
      added.push([name, definition]);
    }
    if (added.length === 0) return result;
    const there = result[this.#keyword];
    return { ...result, [this.#keyword]: { ...(isJsonObject(there) && there), ...Object.fromEntries(added) } };
  }

  /** A reference of the document as one of the schema that stands alone. */
  #put(reference: string): string {
    const steps = stepsOf(reference);
    if (!steps && (reference === '#' || reference.startsWith('#/'))) {
      throw this.#fault(`refers to ${reference.slice(0, 128)}, which is no schema among the components`);
    }
    if (!steps) return reference;
    let place = this.#places.get(steps.name);
    if (place === undefined) {
      const name = this.#freeName(steps.name);
      place = `#/${this.#keyword}/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
      this.#places.set(steps.name, place);
      this.#definitions.set(name, steps.name);
    }
    return place + steps.rest;
  }

  #component(name: string): JsonObject {
    const found = Object.hasOwn(this.#components, name) ? this.#components[name] : undefined;
    if (typeof found === 'boolean') return found ? {} : { not: {} };
    if (isJsonObject(found)) return found;
    throw this.#fault(`refers to ${COMPONENTS}${name.slice(0, 128)}, which is not there`);
  }

  #freeName(name: string): string {
    let free = name;
    for (let n = 2; this.#definitions.has(free); n++) free = `${name}_${n}`;
    return free;
  }

  #fault(message: string) {
    return invalidFields([{ path: this.#at, message }]);
  }
}

/** Only a reference: the component is the schema. */
function isBareReference(schema: JsonObject): schema is { $ref: string } {
  return typeof schema.$ref === 'string' && Object.keys(schema).length === 1;
}

function componentsOf(document: JsonObject): JsonObject {
  const { components } = document;
  const schemas = isJsonObject(components) ? components.schemas : undefined;
  return isJsonObject(schemas) ? schemas : {};
}

/** The component that a reference leads to or into, and the rest of the way. */
function stepsOf(reference: string): { name: string; rest: string } | undefined {
  if (!reference.startsWith(COMPONENTS)) return undefined;
  const [step = '', ...rest] = reference.slice(COMPONENTS.length).split('/');
  return { name: unescaped(step), rest: rest.map((each) => `/${each}`).join('') };
}

function unescaped(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return step;
  }
}

/** Members in which a `$ref` is nobody's reference but a part of a value. */
const VALUES = new Set(['const', 'default', 'enum', 'example', 'examples']);
/** Members whose own members have names that people chose. */
const MAPS = new Set(['$defs', 'definitions', 'dependentSchemas', 'patternProperties', 'properties', 'dependencies']);

/** The schema with each of its references put in another way. */
function withReferences(schema: JsonObject, put: (reference: string) => string): JsonObject {
  const copy = (value: unknown, isMap: boolean): unknown => {
    if (Array.isArray(value)) return value.map((each) => copy(each, false));
    if (!isJsonObject(value)) return value;
    const members = Object.entries(value).map(([name, member]): [string, unknown] => {
      if (isMap) return [name, copy(member, false)];
      if ((name === '$ref' || name === '$dynamicRef') && typeof member === 'string') return [name, put(member)];
      return [name, VALUES.has(name) ? member : copy(member, MAPS.has(name))];
    });
    return Object.fromEntries(members);
  };
  return copy(schema, false) as JsonObject;
}
