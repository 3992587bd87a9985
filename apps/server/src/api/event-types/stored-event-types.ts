import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import { isSame, MAX_CATALOGUE_BYTES, MAX_EVENT_TYPES } from '../../core/catalogue.ts';
import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import { newId, type Uuid } from '../../core/ids.ts';
import { invalidFields, notFound, Problem } from '../../errors.ts';
import { recordChange } from '../../store/change.ts';
import type { Queryable } from '../../store/database.ts';
import {
  catalogueTotal,
  type EventTypeRow,
  expungeEventType,
  findEventType,
  insertEventTypes,
  insertSchemas,
  lockCatalogue,
  type NewEventType,
  schemaVersions,
  updateEventTypes,
} from '../../store/event-type.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { definitionOf, planOf, rowsOf, type Step, type Wanted } from './plan.ts';
import { presentEventType } from './presenter.ts';

/** What was done, by names. */
export interface Outcome {
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
}

/**
 * Writes what is wanted, in a transaction of whoever asks, and tells all caches once they have done the rest.
 *
 * @throws Problem `already_exists` or `validation_failed`.
 */
export type Write = <T>(tx: Queryable, rest: (outcome: Outcome) => Promise<T>) => Promise<T>;

const NAME = new RegExp(EVENT_TYPE_PATTERN);

/** What is done to event types, whichever surface asks for it. */
export function storedEventTypes({ tenant, directory }: Pick<ApiDependencies, 'tenant' | 'directory'>) {
  return {
    /** @throws Problem `not_found`. */
    async find({ environmentId }: Caller, name: string): Promise<EventTypeRow> {
      const isName = name.length <= EVENT_TYPE_MAX && NAME.test(name);
      const row = isName ? await findEventType(tenant(environmentId), environmentId, name) : undefined;
      if (!row) throw notFound('event type');
      return row;
    },

    /** Takes one out of the catalogue for good. */
    async expunge(request: Pick<FastifyRequest, 'caller' | 'id'>, row: EventTypeRow): Promise<void> {
      await tenant(row.environment_id).transaction(async (tx) => {
        await lockCatalogue(tx, row.environment_id);
        await expungeEventType(tx, row.environment_id, row.id);
        await audit(tx, request, 'event_type.expunge', row.name);
        await recordChange(tx, { kind: 'environment', id: row.environment_id });
      });
      directory.forget({ kind: 'environment', id: row.environment_id });
    },

    /** As it is answered, with every version of its schema. */
    async present(db: Queryable, environmentId: Uuid, name: string): Promise<string> {
      const row = await findEventType(db, environmentId, name);
      if (!row) throw notFound('event type');
      return JSON.stringify(presentEventType(row, await schemaVersions(db, environmentId, [row.id])));
    },

    /**
     * Looks all that is wanted through, and then has it written: all or nothing. Should somebody change the same
     * meanwhile, it is looked through again, behind the lock then.
     *
     * @param commit runs the writing in a transaction; twice, where the first one threw.
     */
    async save<T>(
      { environmentId }: Caller,
      wanted: readonly Wanted[],
      commit: (write: Write) => Promise<T>,
    ): Promise<T> {
      const plan = await planOf(tenant(environmentId), environmentId, wanted);
      const result = await commit((tx, rest) => write(tx, environmentId, plan, rest)).catch((error: unknown) => {
        if (!(error instanceof Overtaken)) throw error;
        return commit(async (tx, rest) => {
          await lockCatalogue(tx, environmentId);
          return write(tx, environmentId, await planOf(tx, environmentId, wanted), rest);
        });
      });
      directory.forget({ kind: 'environment', id: environmentId });
      return result;
    },
  };
}

/** What was planned with is no longer so. */
class Overtaken extends Error {}

async function write<T>(
  tx: Queryable,
  environmentId: Uuid,
  plan: readonly Step[],
  rest: (outcome: Outcome) => Promise<T>,
): Promise<T> {
  await lockCatalogue(tx, environmentId);
  const rows = await rowsOf(tx, environmentId, plan);
  for (const { name, row, isNew } of plan) {
    const now = rows.get(name);
    if (now && isNew) throw new Problem('already_exists', alreadyThere(now));
    if (!isStill(row, now)) throw new Overtaken();
  }
  const steps = plan.map((step) => ({ ...step, id: step.row?.id ?? newId() }));
  const made = steps.filter(({ outcome }) => outcome === 'created');
  const changed = steps.filter(({ outcome }) => outcome === 'updated');
  if (made.length > 0) await insertEventTypes(tx, environmentId, made.map(rowOf));
  if (changed.length > 0) await updateEventTypes(tx, environmentId, changed.map(rowOf));
  const schemas = steps.flatMap(({ id, row, versions }) =>
    versions.map((schema, n) => ({
      eventTypeId: id,
      version: (row?.schema_version ?? 0) + n + 1,
      schema: JSON.stringify(schema),
    })),
  );
  if (schemas.length > 0) await insertSchemas(tx, environmentId, schemas);
  const { types, bytes } = await catalogueTotal(tx, environmentId);
  if (types > MAX_EVENT_TYPES || bytes > MAX_CATALOGUE_BYTES) {
    const limit = `${MAX_EVENT_TYPES} event types, and ${MAX_CATALOGUE_BYTES} bytes of schemas and examples`;
    throw invalidFields([{ path: '/', message: `is more than a catalogue may have: ${limit}` }]);
  }
  const result = await rest(outcomeOf(plan));
  if (made.length + changed.length > 0) await recordChange(tx, { kind: 'environment', id: environmentId });
  return result;
}

export function outcomeOf(plan: readonly Step[]): Outcome {
  const named = (outcome: Step['outcome']) => plan.filter((step) => step.outcome === outcome).map(({ name }) => name);
  return { created: named('created'), updated: named('updated'), unchanged: named('unchanged') };
}

function isStill(planned: EventTypeRow | undefined, now: EventTypeRow | undefined): boolean {
  if (!planned || !now) return planned === now;
  return planned.schema_version === now.schema_version && isSame(definitionOf(planned), definitionOf(now));
}

function alreadyThere({ name, archived_at }: EventTypeRow): string {
  return archived_at ? `${name} is in the catalogue, archived` : `${name} is in the catalogue already`;
}

function rowOf({ id, name, row, after, versions }: Step & { id: Uuid }): NewEventType {
  const example = after.example === null ? null : JSON.stringify(after.example);
  const schema = after.schema === null ? '' : JSON.stringify(after.schema);
  return {
    ...{ id, name, example },
    description: after.description,
    group_name: after.group,
    schema_version: (row?.schema_version ?? 0) + versions.length || null,
    size: Buffer.byteLength(schema) + Buffer.byteLength(example ?? ''),
    isArchived: after.archived,
  };
}
