import { type Static, type TSchema, Type } from 'typebox';
import type { IdPrefix } from '../core/ids.ts';

/** The shapes that several resources share. Validation, types and the OpenAPI document all come from these. */

/** Free text that a database and a page can hold: no NUL, no half of a surrogate pair (`text` in validation.ts). */
export function Text(options: { maxLength: number; minLength?: number; description?: string; pattern?: string }) {
  return Type.String({ format: 'text', ...options });
}

/** A public id. Malformed ones are not refused by the schema: an id that cannot exist is 404 like any other unknown. */
export function Id(prefix: IdPrefix, description?: string) {
  return Type.String({
    maxLength: 64,
    examples: [`${prefix}_01JX9Z5T4QK8W0V3N7M2B6C1DF`],
    ...(description && { description }),
  });
}

export const Timestamp = Type.String({
  description: 'RFC 3339, UTC, milliseconds',
  examples: ['2026-11-21T09:30:00.000Z'],
});

export function Nullable<T extends TSchema>(schema: T, description?: string) {
  return Type.Union([schema, Type.Null()], { ...(description !== undefined && { description }) });
}

/**
 * An object of text values under any names. Not Type.Record: its pattern would let names that do not match it (`^.*$`
 * and a line break) go by with a value of any kind, and leave them out of answers.
 */
export function TextMap(name: TSchema, value: TSchema, options: { maxProperties?: number; description?: string } = {}) {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    propertyNames: name,
    additionalProperties: value,
    ...options,
  });
}

export const Metadata = TextMap(Text({ minLength: 1, maxLength: 128 }), Text({ maxLength: 512 }), {
  maxProperties: 50,
  description: 'Your own notes: up to 50 text values',
});

/** The same, in an answer: what is stored was checked when it came in. */
export const StoredMetadata = TextMap(Type.String(), Type.String());

export const Headers = TextMap(Type.String({ maxLength: 8192 }), Type.String({ maxLength: 8192 }), {
  maxProperties: 50,
  description: 'Header names and values; reserved names are refused',
});

/** Part of a message's audience: an endpoint with channels hears messages that share one. */
export const Channels = Type.Array(Type.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$', examples: ['project:42'] }), {
  minItems: 1,
  maxItems: 20,
});

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
  cursor: Type.Optional(Type.String({ maxLength: 64, description: 'next_cursor of the page before' })),
};

export const TimeRangeQuery = {
  since: Type.Optional(Type.String({ format: 'date-time', description: 'Created at or after' })),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'Created before' })),
};

export function ListOf<T extends TSchema>(item: T) {
  return Type.Object({
    data: Type.Array(item),
    next_cursor: Nullable(
      Type.String(),
      'Goes on after this page; null at the end. A page before it may hold fewer than `limit`',
    ),
    limit: Type.Integer(),
    offset: Type.Optional(Type.Integer()),
  });
}

/** RFC 9457. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'Stable: branch on this' }),
    request_id: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
    reset_at: Type.Optional(
      Type.String({ description: 'Of 429: when the limit begins anew; `retry-after` says it in seconds' }),
    ),
  },
  { description: 'Something was refused or went wrong' },
);

/** An object that takes no fields but these. */
export function Strict<P extends Record<string, TSchema>>(properties: P, options: { description?: string } = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

export type PageParameters = Static<ReturnType<typeof pageQueryType>>;
function pageQueryType() {
  return Type.Object({ ...PageQuery, ...TimeRangeQuery });
}
