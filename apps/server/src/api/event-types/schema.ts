import { type Static, Type } from 'typebox';
import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import type { JsonObject } from '../../core/json-schema/json.ts';
import { Id, Nullable, PageQuery, Strict, Text, Timestamp } from '../schema.ts';

/** `export` is the name of a route where the others are names of event types. */
export const NEW_EVENT_TYPE_PATTERN = `^(?!export$)${EVENT_TYPE_PATTERN.slice(1)}`;
export const EventTypeName = Type.String({
  pattern: NEW_EVENT_TYPE_PATTERN,
  maxLength: EVENT_TYPE_MAX,
  examples: ['invoice.paid'],
});

export const EventTypePath = Type.Object({ name: Type.String({ maxLength: 256, examples: ['invoice.paid'] }) });

const Description = Text({ maxLength: 4_096, description: 'What has happened when this is sent; for people' });
const Group = Nullable(
  Text({ minLength: 1, maxLength: 128, description: 'What it is listed under; null: nothing in particular' }),
);
export const JsonSchema = Type.Unsafe<JsonObject>({
  type: 'object',
  description:
    'JSON Schema of its payloads: draft 2020-12, or draft 7 by `$schema`; up to 64 KiB, with references into itself only',
});
const Example = Type.Unsafe<unknown>({
  type: ['object', 'array', 'null'],
  description: 'A payload as it may look, up to 64 KiB; it satisfies the schema',
});

const definition = {
  description: Type.Optional(Description),
  group: Type.Optional(Group),
  schema: Type.Optional(JsonSchema),
  example: Type.Optional(Example),
};

export const NewEventType = Strict({ name: EventTypeName, ...definition });

const Archived = Type.Boolean({ description: 'Out of use: it stays readable and is not in lists unless asked for' });

export const EventTypePatch = Strict({ ...definition, archived: Type.Optional(Archived) });

/** An event type in a document of ours: one version of its schema, or all that it has had. */
export const ImportedEventType = Strict({
  name: EventTypeName,
  ...definition,
  schemas: Type.Optional(
    Type.Unsafe<Readonly<Record<string, JsonObject>>>({
      type: 'object',
      minProperties: 1,
      maxProperties: 100,
      propertyNames: { pattern: '^[1-9][0-9]{0,2}$' },
      additionalProperties: { type: 'object' },
      description: 'By version, from 1 on without a gap; in place of `schema`',
    }),
  ),
  archived: Type.Optional(Archived),
});
export type ImportedEventType = Static<typeof ImportedEventType>;

const summary = {
  id: Id('evt'),
  name: Type.String(),
  description: Type.String(),
  group: Nullable(Type.String()),
  schema: Nullable(
    Type.Unsafe<JsonObject>({ type: 'object', description: 'The version in force', additionalProperties: true }),
  ),
  schema_version: Nullable(Type.Integer({ description: 'Of the schema in force' })),
  example: Type.Unsafe<unknown>({ type: ['object', 'array', 'null'], additionalProperties: true }),
  archived: Type.Boolean(),
  created_at: Timestamp,
  updated_at: Timestamp,
};

export const EventTypeSummary = Type.Object(summary);
export const EventTypeSchema = Type.Object({
  ...summary,
  schemas: Type.Unsafe<Readonly<Record<string, JsonObject>>>({
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: true },
    description: 'Every version of the schema, by number',
  }),
});

const IsArchivedIncluded = Type.Boolean({ default: false, description: 'Archived ones too' });

export const EventTypeQuery = Strict({
  ...PageQuery,
  group: Type.Optional(Text({ minLength: 1, maxLength: 128 })),
  include_archived: Type.Optional(IsArchivedIncluded),
});

export const ExportQuery = Strict({
  format: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('openapi')], {
      default: 'json',
      description:
        '`json`: all there is, for import elsewhere; `openapi`: OpenAPI 3.1 with `webhooks`, for people and tools',
    }),
  ),
  include_archived: Type.Optional(IsArchivedIncluded),
});

export const Exported = Type.Unsafe<object>({
  type: 'object',
  additionalProperties: true,
  description: '`{event_types: […]}`, or an OpenAPI 3.1 document',
});

export const MAX_IMPORTED = 1_000;

/** A document of ours before its event types are looked at. */
export const ImportEnvelope = Strict({ event_types: Type.Array(Type.Unknown(), { maxItems: MAX_IMPORTED }) });

export const ImportDocument = Type.Unsafe<JsonObject>({
  type: 'object',
  description: `Either \`{event_types: […]}\`, as an export has it, or an OpenAPI 3.1 document with \`webhooks\`; up to ${MAX_IMPORTED} event types and 2 MiB`,
});

export const ImportQuery = Strict({
  dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Only say what would be done' })),
});

const Names = Type.Array(Type.String());
export const Imported = Type.Object({ created: Names, updated: Names, unchanged: Names });
