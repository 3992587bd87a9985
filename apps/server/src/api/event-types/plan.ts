import {
  type Change,
  changed,
  type Definition,
  isNewVersion,
  isSame,
  MAX_SCHEMA_VERSIONS,
  UNDESCRIBED,
} from '../../core/catalogue.ts';
import type { Uuid } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json-schema/json.ts';
import { type FieldError, invalidFields } from '../../errors.ts';
import type { Queryable } from '../../store/database.ts';
import { type EventTypeRow, eventTypesNamed } from '../../store/event-type.ts';
import { Pauses } from '../pauses.ts';
import { definitionFaults, schemaFaults } from './definition.ts';

/** An event type as somebody wants it. */
export interface Wanted {
  readonly name: string;
  readonly change: Change;
  /** Of one that is new: what its schema was before, oldest first. */
  readonly earlier?: readonly JsonObject[];
  /** Where the request says so: faults are told from there. */
  readonly at: string;
  /** True: it must not be there yet. */
  readonly isNew?: boolean;
}

/** What is to be done to one event type. */
export interface Step {
  readonly name: string;
  /** As it was when the plan was made; undefined: it was not there. */
  readonly row: EventTypeRow | undefined;
  readonly after: Definition;
  /** To be added to the versions of its schema. */
  readonly versions: readonly JsonObject[];
  /** True: it must not be there. */
  readonly isNew: boolean;
  readonly outcome: 'created' | 'updated' | 'unchanged';
}

const MAX_FAULTS = 20;
/** Of all schemas of one import, in characters of patterns: half a second to compile. */
const MAX_PATTERNS = 100_000;

/**
 * What would be done for all that is wanted, looked through: to hold schemas and examples against each other can take
 * seconds, and nobody is to wait for that behind a lock.
 *
 * @throws Problem `validation_failed`
 */
export async function planOf(db: Queryable, environmentId: Uuid, wanted: readonly Wanted[]): Promise<Step[]> {
  const rows = await rowsOf(db, environmentId, wanted);
  const faults: FieldError[] = [];
  const pauses = new Pauses();
  const allowance = { patterns: MAX_PATTERNS };
  const steps: Step[] = [];
  for (const each of wanted) {
    const step = stepOf(each, rows.get(each.name));
    if (step.outcome !== 'unchanged') {
      faults.push(...definitionFaults(step.after, each.at, allowance));
      faults.push(...(each.earlier ?? []).flatMap((schema) => schemaFaults(schema, `${each.at}/schemas`, allowance)));
      if ((step.row?.schema_version ?? 0) + step.versions.length > MAX_SCHEMA_VERSIONS) {
        faults.push({
          path: `${each.at}/schema`,
          message: `would be version ${MAX_SCHEMA_VERSIONS + 1}; that is too many`,
        });
      }
    }
    if (faults.length >= MAX_FAULTS) break;
    steps.push(step);
    await pauses.pause();
  }
  if (faults.length > 0) throw invalidFields(faults.slice(0, MAX_FAULTS));
  return steps;
}

export async function rowsOf(db: Queryable, environmentId: Uuid, named: readonly { readonly name: string }[]) {
  const rows = await eventTypesNamed(
    db,
    environmentId,
    named.map(({ name }) => name),
  );
  return new Map(rows.map((row) => [row.name, row]));
}

function stepOf({ name, change, earlier, isNew = false }: Wanted, row: EventTypeRow | undefined): Step {
  const before = row && !isNew ? definitionOf(row) : undefined;
  const after = changed(before ?? UNDESCRIBED, change);
  const newest = isNewVersion(before?.schema ?? null, after.schema) && after.schema ? [after.schema] : [];
  return {
    ...{ name, row, after, isNew },
    versions: before ? newest : [...(earlier ?? []), ...newest],
    outcome: !before ? 'created' : isSame(before, after) ? 'unchanged' : 'updated',
  };
}

export function definitionOf(row: EventTypeRow): Definition {
  return {
    description: row.description,
    group: row.group_name,
    schema: row.schema,
    example: row.example,
    archived: row.archived_at !== null,
  };
}
