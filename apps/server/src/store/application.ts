import type { Uuid } from '../core/ids.ts';
import type { Plan } from '../core/plan.ts';
import { type Queryable, statement } from './database.ts';
import { letLanesGo } from './lane.ts';
import { AFTER_ALL, type Page, pageOf, Where } from './list.ts';

export interface ApplicationRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly uid: string | null;
  readonly name: string;
  readonly metadata: Record<string, string>;
  readonly is_default: boolean;
  readonly contact_email: string | null;
  /** Null: the environment's. */
  readonly plan: Plan | null;
  /** Messages a month (UTC); null: as its plan says. */
  readonly monthly_event_limit: number | null;
  /** `explicit`: only event types it has subscribed to reach its endpoints. */
  readonly subscriptions: 'all' | 'explicit';
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** What may be left out of a new application. */
type Settings = Pick<ApplicationRow, 'contact_email' | 'plan' | 'monthly_event_limit' | 'subscriptions'>;

/** How a caller names an application: its id, the producer's own id for it, or the environment's default. */
export type ApplicationRef =
  | { readonly by: 'id'; readonly id: Uuid }
  | { readonly by: 'uid'; readonly uid: string }
  | { readonly by: 'default' };

const COLUMNS =
  'id, environment_id, uid, name, metadata, is_default, contact_email, plan, monthly_event_limit, subscriptions, ' +
  'created_at, updated_at';

const byId = statement<ApplicationRow>(
  'application_by_id',
  `select ${COLUMNS} from application where environment_id = $1 and id = $2`,
);
const byUid = statement<ApplicationRow>(
  'application_by_uid',
  `select ${COLUMNS} from application where environment_id = $1 and uid = $2`,
);
const byDefault = statement<ApplicationRow>(
  'application_by_default',
  `select ${COLUMNS} from application where environment_id = $1 and is_default`,
);

export async function findApplication(
  db: Queryable,
  environmentId: Uuid,
  ref: ApplicationRef,
): Promise<ApplicationRow | undefined> {
  if (ref.by === 'id') return (await db.query(byId, [environmentId, ref.id]))[0];
  if (ref.by === 'uid') return (await db.query(byUid, [environmentId, ref.uid]))[0];
  return (await db.query(byDefault, [environmentId]))[0];
}

const lock = statement<ApplicationRow>(
  'application_lock',
  `select ${COLUMNS} from application where environment_id = $1 and id = $2 for no key update`,
);

/** As it is until this transaction ends. */
export async function lockApplication(
  tx: Queryable,
  environmentId: Uuid,
  id: Uuid,
): Promise<ApplicationRow | undefined> {
  return (await tx.query(lock, [environmentId, id]))[0];
}

const read = statement<ApplicationRow>('application_read', `select ${COLUMNS} from application where id = $1`);

/** Of any environment: for a cache that checks whose it is each time it is asked. */
export async function readApplication(db: Queryable, id: Uuid): Promise<ApplicationRow | undefined> {
  return (await db.query(read, [id]))[0];
}

const insert = statement<ApplicationRow>(
  'application_insert',
  `insert into application (id, environment_id, uid, name, metadata, is_default, contact_email, plan,
     monthly_event_limit, subscriptions)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
   on conflict do nothing returning ${COLUMNS}`,
);

/** @returns the row, or undefined where its uid (or the environment's default) is taken. */
export async function insertApplication(
  db: Queryable,
  row: Omit<ApplicationRow, 'created_at' | 'updated_at' | keyof Settings> & Partial<Settings>,
): Promise<ApplicationRow | undefined> {
  const { id, environment_id, uid, name, metadata, is_default } = row;
  const values = [id, environment_id, uid, name, JSON.stringify(metadata), is_default, ...settingsOf(row)];
  return (await db.query(insert, values))[0];
}

const list = statement<ApplicationRow>(
  'application_list',
  `select ${COLUMNS} from application where environment_id = $1 and id < $2
   order by id desc limit $3 offset $4`,
);

export async function listApplications(
  db: Queryable,
  environmentId: Uuid,
  page: { before: Uuid | null; limit: number; offset: number },
): Promise<ApplicationRow[]> {
  return db.query(list, [environmentId, page.before ?? AFTER_ALL, page.limit, page.offset]);
}

/** The same, either way. */
export async function pageApplications(db: Queryable, environmentId: Uuid, page: Page): Promise<ApplicationRow[]> {
  const where = new Where([['environment_id', environmentId]]);
  return db.query(...pageOf<ApplicationRow>(`select ${COLUMNS} from application`, where, page));
}

const update = statement<ApplicationRow>(
  'application_update',
  `update application set uid = $3, name = $4, metadata = $5, contact_email = $6, plan = $7, monthly_event_limit = $8,
     subscriptions = $9, updated_at = now()
   where environment_id = $1 and id = $2 returning ${COLUMNS}`,
);

/** Rejects with a unique violation where the uid is another application's. */
export async function updateApplication(db: Queryable, row: ApplicationRow): Promise<ApplicationRow | undefined> {
  const values = [row.environment_id, row.id, row.uid, row.name, JSON.stringify(row.metadata), ...settingsOf(row)];
  return (await db.query(update, values))[0];
}

// Against endpoints that are being added: they refer to the row.
const lockToDelete = statement<{ id: Uuid }>(
  'application_lock_to_delete',
  'select id from application where environment_id = $1 and id = $2 and not is_default for update',
);

const removeEndpoints = statement<{ id: Uuid }>(
  'application_delete_endpoints',
  'delete from endpoint where environment_id = $1 and application_id = $2 returning id',
);

const remove = statement('application_delete', 'delete from application where environment_id = $1 and id = $2');

/**
 * Deletes an application with its endpoints; their lanes are let go, so that deliveries which are still due to them end.
 * The default application stays.
 *
 * Endpoints go before their lanes, as with whoever changes one, and in a statement of their own: a pause that was under way
 * is seen by the last. Lanes come last of all, since accepts and results of everybody wait for them.
 */
export async function deleteApplication(tx: Queryable, environmentId: Uuid, id: Uuid): Promise<boolean> {
  if ((await tx.query(lockToDelete, [environmentId, id])).length === 0) return false;
  const endpoints = await tx.query(removeEndpoints, [environmentId, id]);
  await tx.query(remove, [environmentId, id]);
  const ids = endpoints.map((endpoint) => endpoint.id);
  await letLanesGo(tx, ids);
  return true;
}

function settingsOf(row: Partial<Settings>): unknown[] {
  const { contact_email = null, plan = null, monthly_event_limit = null, subscriptions = 'all' } = row;
  return [contact_email, plan, monthly_event_limit, subscriptions];
}
