import { publicId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json-schema/json.ts';
import type { EventTypeRow } from '../../store/event-type.ts';

export function presentEventTypeSummary(row: EventTypeRow) {
  return {
    id: publicId('evt', row.id),
    name: row.name,
    description: row.description,
    group: row.group_name,
    schema: row.schema,
    schema_version: row.schema_version,
    example: row.example,
    archived: row.archived_at !== null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

export interface SchemaVersion {
  readonly version: number;
  readonly schema: JsonObject;
}

export function presentEventType(row: EventTypeRow, versions: readonly SchemaVersion[]) {
  return { ...presentEventTypeSummary(row), schemas: schemasByVersion(versions) };
}

export function schemasByVersion(versions: readonly SchemaVersion[]): Readonly<Record<string, JsonObject>> {
  return Object.fromEntries(versions.map(({ version, schema }) => [version, schema]));
}
