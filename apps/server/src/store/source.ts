import type { BrokerType } from '../core/broker/all.ts';
import type { Uuid } from '../core/ids.ts';
import type { PausedReason, SourceStatus } from '../core/source.ts';
import type { EventTypeRule } from '../core/source-event.ts';
import { type Queryable, statement } from './database.ts';
import { type Page, pageOf, Where } from './list.ts';

/** What its owner decides. */
export interface SourceSettings {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly application_id: Uuid;
  readonly name: string;
  readonly type: BrokerType;
  readonly url: string;
  readonly config: Buffer;
  readonly event_type: EventTypeRule;
  readonly status: SourceStatus;
  readonly paused_reason: PausedReason | null;
}

export interface SourceRow extends SourceSettings {
  /** Whether a process receives from it. */
  readonly is_held: boolean;
  readonly received: number;
  readonly rejected: number;
  readonly last_error: string | null;
  readonly last_received_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const COLUMNS = `id, environment_id, application_id, name, type, url, config, event_type, status, paused_reason, received,
  rejected, last_error, last_received_at, created_at, updated_at,
  held_by is not null and held_until > statement_timestamp() as is_held`;

const insert = statement<SourceRow>(
  'source_insert',
  `insert into source (id, environment_id, application_id, name, type, url, config, event_type, status, paused_reason)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning ${COLUMNS}`,
);

export async function insertSource(tx: Queryable, source: SourceSettings): Promise<SourceRow> {
  const [row] = await tx.query(insert, valuesOf(source));
  if (!row) throw new Error('an insert returned no row');
  return row;
}

/** Newest first. @param applicationId undefined: of all. */
export async function listSources(
  db: Queryable,
  filter: { readonly environmentId: Uuid; readonly applicationId: Uuid | undefined },
  page: Page,
): Promise<SourceRow[]> {
  const where = new Where([
    ['application_id', filter.applicationId],
    ['environment_id', filter.environmentId],
  ]);
  return db.query(...pageOf<SourceRow>(`select ${COLUMNS} from source`, where, page));
}

const readText = `select ${COLUMNS} from source where environment_id = $1 and id = $2`;
const read = statement<SourceRow>('source_read', readText);
const lock = statement<SourceRow>('source_lock', `${readText} for update`);

export async function readSource(db: Queryable, environmentId: Uuid, id: Uuid): Promise<SourceRow | undefined> {
  return (await db.query(read, [environmentId, id]))[0];
}

/** The same, and nobody else changes it before the end of the transaction. */
export async function lockSource(tx: Queryable, environmentId: Uuid, id: Uuid): Promise<SourceRow | undefined> {
  return (await tx.query(lock, [environmentId, id]))[0];
}

// Whoever consumes it hears of it by the version. Where nobody does since something was wrong, it is tried at once.
const update = statement<SourceRow>(
  'source_update',
  `update source
   set name = $4, url = $6, config = $7, event_type = $8, status = $9, paused_reason = $10, version = version + 1,
       last_error = null, updated_at = now(), held_until = case when held_by is null then now() else held_until end
   where id = $1 and environment_id = $2 and application_id = $3 and type = $5 returning ${COLUMNS}`,
);

export async function updateSource(tx: Queryable, source: SourceSettings): Promise<SourceRow | undefined> {
  return (await tx.query(update, valuesOf(source)))[0];
}

const remove = statement<{ id: Uuid }>(
  'source_delete',
  'delete from source where environment_id = $1 and id = $2 returning id',
);

export async function deleteSource(tx: Queryable, environmentId: Uuid, id: Uuid): Promise<boolean> {
  return (await tx.query(remove, [environmentId, id])).length > 0;
}

function valuesOf(source: SourceSettings): unknown[] {
  const { id, environment_id, application_id, name, type, url, config, event_type, status, paused_reason } = source;
  const rule = JSON.stringify(event_type);
  return [id, environment_id, application_id, name, type, url, config, rule, status, paused_reason];
}

const pauseBySystem = statement<{ id: Uuid }>(
  'source_pause',
  `update source set status = 'paused', paused_reason = $3, version = version + 1, updated_at = now()
   where environment_id = $1 and id = $2 and status = 'active' returning id`,
);

/** @returns false where it is paused already, or gone. */
export async function pauseSource(
  tx: Queryable,
  environmentId: Uuid,
  id: Uuid,
  reason: PausedReason,
): Promise<boolean> {
  return (await tx.query(pauseBySystem, [environmentId, id, reason])).length > 0;
}
