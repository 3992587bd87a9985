import { MAX_SCHEMA_VERSIONS } from '../../core/catalogue.ts';
import type { JsonObject } from '../../core/json-schema/json.ts';
import { type FieldError, invalidFields, Problem } from '../../errors.ts';
import type { EventTypeRow } from '../../store/event-type.ts';
import { bodyReader } from '../validation.ts';
import { stored } from './definition.ts';
import type { Wanted } from './plan.ts';
import { type SchemaVersion, schemasByVersion } from './presenter.ts';
import { ImportEnvelope, ImportedEventType } from './schema.ts';

/** The catalogue in our own words: `{event_types: […]}`. What it leaves out of an event type stays as it is. */

const readEnvelope = bodyReader(ImportEnvelope);
const readEventType = bodyReader(ImportedEventType);

/** @throws Problem `validation_failed` */
export function fromDocument(document: JsonObject): Wanted[] {
  return readEnvelope(document).event_types.map((each, n) => wantedBy(each, `/event_types/${n}`));
}

/** @param at where it is in the document, for faults. @throws Problem `validation_failed` */
export function wantedBy(eventType: unknown, at: string): Wanted {
  const { name, schemas, schema, ...rest } = within(at, () => readEventType(eventType));
  if (schemas && schema) throw invalidFields([{ path: `${at}/schema`, message: 'is already among schemas' }]);
  const versions = schemas ? inOrder(stored(schemas, `${at}/schemas`), at) : [];
  return {
    name,
    change: {
      ...rest,
      schema: versions.at(-1) ?? stored(schema, `${at}/schema`),
      example: stored(rest.example, `${at}/example`),
    },
    earlier: versions.slice(0, -1),
    at,
  };
}

function inOrder(schemas: Readonly<Record<string, JsonObject>>, at: string): JsonObject[] {
  const versions = Object.keys(schemas)
    .map(Number)
    .sort((a, b) => a - b);
  if (versions.some((version, n) => version !== n + 1) || versions.length > MAX_SCHEMA_VERSIONS) {
    const message = `must be versions 1, 2, … without a gap, at most ${MAX_SCHEMA_VERSIONS}`;
    throw invalidFields([{ path: `${at}/schemas`, message }]);
  }
  return versions.map((version) => schemas[version] ?? {});
}

function within<T>(at: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Problem) || !error.errors) throw error;
    const place = ({ path, message }: FieldError) => ({ path: path === '/' ? at : at + path, message });
    throw invalidFields(error.errors.map(place));
  }
}

/** @param versions by event type. */
export function toDocument(
  rows: readonly EventTypeRow[],
  versions: ReadonlyMap<string, readonly SchemaVersion[]>,
): JsonObject {
  return {
    event_types: rows.map((row) => {
      const all = versions.get(row.id) ?? [];
      return {
        ...{ name: row.name, description: row.description, group: row.group_name },
        ...(all.length > 1 ? { schemas: schemasByVersion(all) } : row.schema && { schema: row.schema }),
        ...{ example: row.example, archived: row.archived_at !== null },
      };
    }),
  };
}
