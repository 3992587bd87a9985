import { equalJson, type JsonObject } from './json-schema/json.ts';

/** What an event type is to the reader of the catalogue; all of it but its name, which never changes. */
export interface Definition {
  readonly description: string;
  readonly group: string | null;
  /** In force; null: any payload will do. */
  readonly schema: JsonObject | null;
  /** A payload that satisfies the schema. */
  readonly example: unknown;
  readonly archived: boolean;
}

/** What a change says of an event type; undefined: that part stays as it is. */
export type Change = { readonly [Part in keyof Definition]?: Definition[Part] | undefined };

export const UNDESCRIBED: Definition = { description: '', group: null, schema: null, example: null, archived: false };

/** How many event types an environment may have, archived ones among them. */
export const MAX_EVENT_TYPES = 5_000;
/** How large their schemas in force and examples may be together: what an export and a list show. */
export const MAX_CATALOGUE_BYTES = 16 * 1024 * 1024;
/** How many versions a schema may have had. */
export const MAX_SCHEMA_VERSIONS = 100;

/** What is left out of a change stays as it was. */
export function changed(before: Definition, change: Change): Definition {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  return { ...before, ...Object.fromEntries(given) };
}

export function isSame(one: Definition, other: Definition): boolean {
  return equalJson(one, other);
}

/** A schema that says the same in another order of members is no new version. */
export function isNewVersion(before: JsonObject | null, after: JsonObject | null): boolean {
  return after !== null && !equalJson(before, after);
}
