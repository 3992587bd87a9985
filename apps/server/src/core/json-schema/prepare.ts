import { areNames, formFault } from './form.ts';
import { type Fault, isJsonObject, isWithinDepth, type JsonObject, pointerStep } from './json.ts';
import { compilePattern, type Pattern, sizeOf, writtenFault } from './pattern.ts';
import { findLoop, resolve } from './reference.ts';
import { type PreparedSchema, SCHEMA_MAX_BYTES, SCHEMA_MAX_DEPTH, type Schema } from './schema.ts';
import { type Dialect, DRAFT_2020_12, dialectOf, type Form } from './vocabulary.ts';

/** Of all patterns of a schema, in characters, repetitions written out: 50 ms to compile. */
const MAX_PATTERNS_SIZE = 10_000;
const MAX_FAULTS = 20;

export type Preparation =
  | { readonly ok: true; readonly schema: PreparedSchema }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** How large patterns may still be that are compiled; shared by schemas that come together. */
export interface Allowance {
  patterns: number;
}

/**
 * Looks a schema of somebody else's through, so that values can be held against it without surprises. Takes draft 2020-12
 * and draft 7 (by `$schema`); nothing is ever fetched, so every reference is one into the document itself.
 */
export function prepareSchema(source: unknown, allowance: Allowance = { patterns: MAX_PATTERNS_SIZE }): Preparation {
  if (!isWithinDepth(source, SCHEMA_MAX_DEPTH)) return refused('', `must be at most ${SCHEMA_MAX_DEPTH} levels deep`);
  if (!isSchema(source)) return refused('', 'must be a JSON Schema: an object');
  const bytes = Buffer.byteLength(JSON.stringify(source));
  if (bytes > SCHEMA_MAX_BYTES) return refused('', `has ${bytes} bytes; the limit is ${SCHEMA_MAX_BYTES}`);
  const dialect = typeof source === 'boolean' ? DRAFT_2020_12 : dialectOf(source.$schema);
  if (!dialect) return refused('/$schema', 'must be that of draft 2020-12 (the default) or draft-07');
  const reading = new Reading(dialect, allowance);
  reading.read(source, '');
  const targets = reading.faults.length === 0 ? reading.targets(source) : new Map<string, Schema>();
  if (reading.faults.length > 0) return { ok: false, faults: reading.faults };
  return { ok: true, schema: { root: source, dialect, targets, patterns: reading.patterns } };
}

function refused(path: string, message: string): Preparation {
  return { ok: false, faults: [{ path, message }] };
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'boolean' || isJsonObject(value);
}

/** One walk through a schema. */
class Reading {
  readonly faults: Fault[] = [];
  readonly patterns = new Map<string, Pattern>();
  readonly #dialect: Dialect;
  /** Every part that is itself a schema, and where it is. */
  readonly #schemas = new Map<JsonObject, string>();
  readonly #anchors = new Map<string, JsonObject>();
  readonly #allowance: Allowance;
  #patternsSize = 0;

  constructor(dialect: Dialect, allowance: Allowance) {
    this.#dialect = dialect;
    this.#allowance = allowance;
  }

  read(schema: Schema, path: string): void {
    if (typeof schema === 'boolean') return;
    this.#schemas.set(schema, path);
    for (const [keyword, operand] of Object.entries(schema)) {
      const form = this.#dialect.forms.get(keyword);
      if (form) this.#readKeyword(form, operand, path + pointerStep(keyword));
    }
    if (path !== '') this.#readIdentity(schema, path);
    for (const keyword of ['$anchor', '$dynamicAnchor']) {
      if (this.#dialect.forms.has(keyword)) this.#readAnchor(schema, schema[keyword], path + pointerStep(keyword));
    }
  }

  /** Where each reference leads. One that leads nowhere, or round in a circle, is a fault. */
  targets(root: Schema): Map<string, Schema> {
    const targets = new Map<string, Schema>();
    for (const [schema, path] of this.#schemas) {
      for (const keyword of ['$ref', '$dynamicRef']) {
        const reference = schema[keyword];
        if (typeof reference !== 'string' || !this.#dialect.forms.has(keyword)) continue;
        const target = targets.get(reference) ?? resolve(root, reference, this.#anchors);
        if (isSchema(target) && (typeof target === 'boolean' || this.#schemas.has(target)))
          targets.set(reference, target);
        else
          this.#fault(path + pointerStep(keyword), 'must lead to a schema in this document (#…); nothing is fetched');
      }
    }
    const loop = findLoop(this.#schemas.keys(), this.#dialect, targets);
    if (loop) this.#fault(this.#schemas.get(loop) ?? '', 'leads back to itself without an end');
    return targets;
  }

  #readKeyword(form: Form, operand: unknown, path: string): void {
    if (form === 'schemas') this.#readSchemas(operand, path);
    else if (form === 'schema or schemas' && Array.isArray(operand)) this.#readEach(operand, path);
    else if (form === 'schema' || form === 'schema or schemas') this.#readSchema(operand, path);
    else if (form === 'pattern') this.#readPattern(operand, path);
    else if (form === 'map of schemas' || form === 'map of patterns' || form === 'map of schemas or names') {
      this.#readMap(form, operand, path);
    } else {
      this.#fault(path, formFault(form, operand));
    }
  }

  #readSchema(operand: unknown, path: string): void {
    if (isSchema(operand)) this.read(operand, path);
    else this.#fault(path, 'must be a schema: an object, true or false');
  }

  #readSchemas(operand: unknown, path: string): void {
    if (Array.isArray(operand) && operand.length > 0) this.#readEach(operand, path);
    else this.#fault(path, 'must be an array of schemas');
  }

  #readEach(schemas: readonly unknown[], path: string): void {
    for (const [n, each] of schemas.entries()) this.#readSchema(each, path + pointerStep(n));
  }

  #readMap(form: Form, operand: unknown, path: string): void {
    if (!isJsonObject(operand)) this.#fault(path, 'must be an object');
    for (const [name, each] of isJsonObject(operand) ? Object.entries(operand) : []) {
      const at = path + pointerStep(name);
      if (form === 'map of patterns') this.#readPattern(name, at);
      if (form !== 'map of schemas or names' || !areNames(each)) this.#readSchema(each, at);
    }
  }

  #readPattern(source: unknown, path: string): void {
    if (typeof source !== 'string' || this.patterns.has(source)) {
      this.#fault(path, typeof source === 'string' ? null : 'must be a string');
      return;
    }
    const fault = writtenFault(source);
    if (fault !== null) {
      this.#fault(path, fault);
      return;
    }
    const size = sizeOf(source);
    const left = Math.min(this.#allowance.patterns, MAX_PATTERNS_SIZE - this.#patternsSize);
    const pattern = size > left ? 'is one pattern too many' : compilePattern(source);
    if (typeof pattern === 'string') {
      this.#fault(path, pattern);
    } else {
      this.#patternsSize += size;
      this.#allowance.patterns -= size;
      this.patterns.set(source, pattern);
    }
  }

  /** Parts that call themselves documents of their own would turn the meaning of every reference in them. */
  #readIdentity(schema: JsonObject, path: string): void {
    const { $id: id, $schema: dialect } = schema;
    if (this.#dialect.isReferenceAlone && typeof id === 'string' && id.startsWith('#')) {
      this.#readAnchor(schema, id.slice(1), `${path}/$id`);
    } else if (id !== undefined) {
      this.#fault(`${path}/$id`, 'is for the whole document only');
    }
    if (dialect !== undefined) this.#fault(`${path}/$schema`, 'is for the whole document only');
  }

  #readAnchor(schema: JsonObject, name: unknown, path: string): void {
    if (typeof name !== 'string') return;
    const taken = this.#anchors.get(name);
    if (!/^[A-Za-z_][-A-Za-z0-9._]*$/.test(name)) this.#fault(path, 'must be a name');
    else if (taken && taken !== schema) this.#fault(path, 'is the anchor of another schema too');
    else this.#anchors.set(name, schema);
  }

  #fault(path: string, message: string | null): void {
    if (message !== null && this.faults.length < MAX_FAULTS) this.faults.push({ path, message });
  }
}
