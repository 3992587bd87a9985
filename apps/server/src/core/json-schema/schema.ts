import type { JsonObject } from './json.ts';
import type { Pattern } from './pattern.ts';
import type { Dialect } from './vocabulary.ts';

/** A schema as written: an object, or `true` for anything and `false` for nothing. */
export type Schema = JsonObject | boolean;

/** A schema that was looked through: every part of it is in form, every reference leads somewhere. */
export interface PreparedSchema {
  readonly root: Schema;
  readonly dialect: Dialect;
  /** Where each reference leads, by its text. */
  readonly targets: ReadonlyMap<string, Schema>;
  /** By their text. */
  readonly patterns: ReadonlyMap<string, Pattern>;
}

/** How large a schema may be, as JSON. */
export const SCHEMA_MAX_BYTES = 64 * 1024;
/** How deep arrays and objects may lie in it. */
export const SCHEMA_MAX_DEPTH = 64;
