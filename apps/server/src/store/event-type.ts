import type { Uuid } from '../core/ids.ts';
import type { JsonObject } from '../core/json-schema/json.ts';
import { booleanArray, integerArray, textArray, uuidArray } from './array.ts';
import { type Queryable, statement } from './database.ts';
import { type Page, pageOf, Where } from './list.ts';

export interface EventTypeRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly name: string;
  readonly description: string;
  readonly group_name: string | null;
  /** The version in force; null where it has no schema. */
  readonly schema_version: number | null;
  readonly schema: JsonObject | null;
  readonly example: unknown;
  readonly archived_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A row on its way in. Texts that are JSON stay text. */
export interface NewEventType {
  readonly id: Uuid;
  readonly name: string;
  readonly description: string;
  readonly group_name: string | null;
  readonly schema_version: number | null;
  readonly example: string | null;
  /** Bytes of schema and example. */
  readonly size: number;
  readonly isArchived: boolean;
}

/** One version of one schema, as text. */
export interface NewSchema {
  readonly eventTypeId: Uuid;
  readonly version: number;
  readonly schema: string;
}

const COLUMNS = `id, environment_id, name, description, group_name, schema_version, example, archived_at, created_at,
  updated_at, (select schema from event_type_schema as s where s.event_type_id = event_type.id
               and s.version = event_type.schema_version) as schema`;

// Keyed apart from other advisory locks by the first number, which is any constant.
const lock = statement('event_type_lock', 'select pg_advisory_xact_lock(72433922, hashtext($1::uuid::text))');

/** Changes of one catalogue go one after another: its limits hold, and an import sees what it changes. */
export async function lockCatalogue(tx: Queryable, environmentId: Uuid): Promise<void> {
  await tx.query(lock, [environmentId]);
}

// Name by name, and in that order (offset 0): with `= any($2)`, or left to join as it likes, the planner goes through all
// that the environment has while the table is not analyzed.
const named = statement<EventTypeRow>(
  'event_type_named',
  `select found.* from unnest($2::text[]) as wanted(name)
   cross join lateral (
     select ${COLUMNS} from event_type where environment_id = $1 and event_type.name = wanted.name offset 0
   ) as found`,
);

export async function eventTypesNamed(db: Queryable, environmentId: Uuid, names: readonly string[]) {
  return db.query(named, [environmentId, textArray(names, (name) => name)]);
}

export async function findEventType(db: Queryable, environmentId: Uuid, name: string) {
  return (await eventTypesNamed(db, environmentId, [name]))[0];
}

const versions = statement<{ event_type_id: Uuid; version: number; schema: JsonObject }>(
  'event_type_versions',
  `select event_type_id, version, schema from event_type_schema
   where environment_id = $1 and event_type_id = any($2::uuid[]) order by event_type_id, version`,
);

/** Every version of their schemas, oldest first. */
export async function schemaVersions(db: Queryable, environmentId: Uuid, ids: readonly Uuid[]) {
  return db.query(versions, [environmentId, uuidArray(ids, (id) => id)]);
}

const version = statement<{ schema: JsonObject }>(
  'event_type_version',
  'select schema from event_type_schema where environment_id = $1 and event_type_id = $2 and version = $3',
);

export async function readSchema(db: Queryable, environmentId: Uuid, id: Uuid, of: number) {
  return (await db.query(version, [environmentId, id, of]))[0]?.schema;
}

export interface EventTypeFilter {
  readonly environmentId: Uuid;
  readonly group?: string | undefined;
  readonly isArchivedIncluded: boolean;
}

/** Newest first. */
export async function listEventTypes(db: Queryable, filter: EventTypeFilter, page: Page): Promise<EventTypeRow[]> {
  const where = new Where([['environment_id', filter.environmentId]])
    .equals('group_name', filter.group)
    .literal(filter.isArchivedIncluded ? undefined : 'archived_at is null');
  return db.query(...pageOf<EventTypeRow>(`select ${COLUMNS} from event_type`, where, page));
}

/** A page of the catalogue by name. */
export interface NamePage {
  readonly isArchivedIncluded: boolean;
  /** Null: from the beginning. Not part of the page itself. */
  readonly from: string | null;
  readonly isAscending: boolean;
  readonly limit: number;
}

export async function pageEventTypes(db: Queryable, environmentId: Uuid, page: NamePage): Promise<EventTypeRow[]> {
  const { from, isAscending, isArchivedIncluded, limit } = page;
  const direction = isAscending ? 'asc' : 'desc';
  // The pairs say which index to go by (list.ts).
  const bound = from === null ? '' : `and (environment_id, name) ${isAscending ? '>' : '<'} ($1, $2)`;
  const text = `select ${COLUMNS} from event_type
    where environment_id = $1 ${bound} ${isArchivedIncluded ? '' : 'and archived_at is null'}
    order by environment_id ${direction}, name ${direction} limit ${limit}`;
  return db.query(statement<EventTypeRow>('', text), from === null ? [environmentId] : [environmentId, from]);
}

const all = statement<EventTypeRow>(
  'event_type_all',
  `select ${COLUMNS} from event_type where environment_id = $1 and ($2 or archived_at is null)
   order by environment_id, id`,
);

/** Oldest first. */
export async function allEventTypes(db: Queryable, environmentId: Uuid, isArchivedIncluded: boolean) {
  return db.query(all, [environmentId, isArchivedIncluded]);
}

const inForce = statement<{ id: Uuid; name: string; schema_version: number | null }>(
  'event_type_in_force',
  'select id, name, schema_version from event_type where environment_id = $1 and archived_at is null',
);

/** What messages are held against. */
export async function eventTypesInForce(db: Queryable, environmentId: Uuid) {
  return db.query(inForce, [environmentId]);
}

const total = statement<{ types: number; bytes: number }>(
  'event_type_total',
  'select count(*) as types, coalesce(sum(size), 0) as bytes from event_type where environment_id = $1',
);

export async function catalogueTotal(db: Queryable, environmentId: Uuid): Promise<{ types: number; bytes: number }> {
  return (await db.query(total, [environmentId]))[0] ?? { types: 0, bytes: 0 };
}

const insert = statement(
  'event_type_insert',
  `insert into event_type (id, environment_id, name, description, group_name, schema_version, example, size, archived_at)
   select id, $1, name, description, group_name, schema_version, example::json, size, case when archived then now() end
   from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::integer[], $9::boolean[])
     as t(id, name, description, group_name, schema_version, example, size, archived)`,
);

export async function insertEventTypes(tx: Queryable, environmentId: Uuid, rows: readonly NewEventType[]) {
  await tx.query(insert, [environmentId, ...columnsOf(rows)]);
}

const update = statement(
  'event_type_update',
  `update event_type as e
   set description = t.description, group_name = t.group_name, schema_version = t.schema_version,
       example = t.example::json, size = t.size, updated_at = now(),
       archived_at = case when t.archived then coalesce(e.archived_at, now()) end
   from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::integer[], $9::boolean[])
     as t(id, name, description, group_name, schema_version, example, size, archived)
   where e.environment_id = $1 and e.id = t.id`,
);

/** All of them but their names. */
export async function updateEventTypes(tx: Queryable, environmentId: Uuid, rows: readonly NewEventType[]) {
  await tx.query(update, [environmentId, ...columnsOf(rows)]);
}

function columnsOf(rows: readonly NewEventType[]): unknown[] {
  return [
    uuidArray(rows, ({ id }) => id),
    textArray(rows, ({ name }) => name),
    textArray(rows, ({ description }) => description),
    textArray(rows, ({ group_name }) => group_name),
    integerArray(rows, ({ schema_version }) => schema_version),
    textArray(rows, ({ example }) => example),
    integerArray(rows, ({ size }) => size),
    booleanArray(rows, ({ isArchived }) => isArchived),
  ];
}

const insertVersions = statement(
  'event_type_version_insert',
  `insert into event_type_schema (event_type_id, version, environment_id, schema)
   select event_type_id, version, $1, schema::json
   from unnest($2::uuid[], $3::integer[], $4::text[]) as t(event_type_id, version, schema)`,
);

export async function insertSchemas(tx: Queryable, environmentId: Uuid, schemas: readonly NewSchema[]) {
  await tx.query(insertVersions, [
    environmentId,
    uuidArray(schemas, ({ eventTypeId }) => eventTypeId),
    integerArray(schemas, ({ version: each }) => each),
    textArray(schemas, ({ schema }) => schema),
  ]);
}

const expunge = statement('event_type_expunge', 'delete from event_type where environment_id = $1 and id = $2');

/** Takes an event type out of the catalogue with every version of its schema. */
export async function expungeEventType(tx: Queryable, environmentId: Uuid, id: Uuid): Promise<void> {
  await tx.query(expunge, [environmentId, id]);
}
