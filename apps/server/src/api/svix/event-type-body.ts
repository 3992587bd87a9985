import { type Static, Type } from 'typebox';
import type { JsonObject } from '../../core/json-schema/json.ts';
import type { EventTypeRow } from '../../store/event-type.ts';
import { wantedBy } from '../event-types/document.ts';
import type { Wanted } from '../event-types/plan.ts';
import { type SchemaVersion, schemasByVersion } from '../event-types/presenter.ts';
import { EventTypeName, ImportedEventType } from '../event-types/schema.ts';
import { Nullable, Strict, Text } from '../schema.ts';
import { UnsupportedSwitch } from './schema.ts';

/** An event type, from Svix's words to ours and back. Svix keeps its schemas by version, as we do. */

const { description, group, archived, schemas } = ImportedEventType.properties;

/** Svix demands one, be it empty. */
const Description = Text({ maxLength: 4_096 });

const definition = {
  archived,
  deprecated: UnsupportedSwitch,
  schemas: Type.Optional(Nullable(schemas)),
  groupName: group,
  featureFlags: Type.Optional(Nullable(Type.Array(Type.Never(), { maxItems: 0 }))),
};

export const EventTypeIn = Strict({ name: EventTypeName, description: Description, ...definition });
export const EventTypePut = Strict({ description: Description, ...definition });
export const EventTypePatch = Strict({ description, ...definition });
type EventTypePatch = Static<typeof EventTypePatch>;

/**
 * What is left out stays as it is. `null` for its schemas takes them out of force: a schema cannot be taken away, so one that
 * takes anything comes after them.
 *
 * @throws Problem `validation_failed`.
 */
export function wantedEventType(name: string, body: EventTypePatch, row: EventTypeRow | undefined): Wanted {
  const released = row?.schema ? { schema: {} } : {};
  return wantedBy(
    {
      name,
      ...(body.description !== undefined && { description: body.description }),
      ...(body.groupName !== undefined && { group: body.groupName }),
      ...(body.archived !== undefined && { archived: body.archived }),
      ...(body.schemas ? { schemas: body.schemas } : body.schemas === null && released),
    },
    '',
  );
}

/** All that a PUT or POST sets: what it leaves out is as in a new one. */
export function wholeEventType(name: string, body: EventTypePatch, row: EventTypeRow | undefined): Wanted {
  return wantedEventType(name, { archived: false, groupName: null, schemas: null, ...body }, row);
}

/** @param versions null where they are not asked for. */
export function presentEventTypeOut(row: EventTypeRow, versions: readonly SchemaVersion[] | null) {
  return {
    name: row.name,
    description: row.description,
    archived: row.archived_at !== null,
    ...presentRest(row.group_name, versions && schemasByVersion(versions)),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function presentRest(groupName: string | null, all: Readonly<Record<string, JsonObject>> | null) {
  const isAny = all !== null && Object.keys(all).length > 0;
  return { deprecated: false, schemas: isAny ? all : null, groupName, featureFlags: null };
}
