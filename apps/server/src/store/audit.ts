import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { type Found, findPage, type Page, Where } from './list.ts';

/** One administrative act, as it is stored. */
export interface AuditRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly actor_kind: 'api_key' | 'command' | 'system' | 'portal_session';
  readonly actor_id: Uuid | null;
  /** Resource and verb: `endpoint.create`. */
  readonly action: string;
  /** The public id, or the name, of what it was done to. */
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly request_id: string | null;
}

const insert = statement(
  'audit_insert',
  `insert into audit_entry (id, environment_id, actor_kind, actor_id, action, subject, details, request_id)
   values ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** In the transaction of the act itself. */
export async function insertAuditEntry(tx: Queryable, row: AuditRow): Promise<void> {
  const details = JSON.stringify(row.details);
  await tx.query(insert, [
    row.id,
    row.environment_id,
    row.actor_kind,
    row.actor_id,
    row.action,
    row.subject,
    details,
    row.request_id,
  ]);
}

/** An entry as it is shown. */
export type ShownAuditRow = Omit<AuditRow, 'environment_id'> & {
  /** What the key is called now; null where it is gone, or where it was no key. */
  readonly actor_name: string | null;
};

const SHOWN = `id, actor_kind, actor_id, action, subject, details, request_id,
  (select name from api_key k where k.id = actor_id and k.environment_id = audit_entry.environment_id) as actor_name`;

/** Newest first. */
export async function listAuditEntries(
  db: Queryable,
  filter: { readonly environmentId: Uuid; readonly action: string | undefined },
  page: Page,
): Promise<Found<ShownAuditRow>> {
  const where = new Where([['environment_id', filter.environmentId]]).equals('action', filter.action);
  return findPage(db, [SHOWN, 'audit_entry'], where, page);
}

const expire = statement<{ id: Uuid }>(
  'audit_expire',
  `delete from audit_entry where id = any(array(select id from audit_entry where id < $1 order by id limit $2))
   returning id`,
);

/** Drops entries older than an id of that time, of all environments. @returns how many, at most `limit`. */
export async function expireAuditEntries(db: Queryable, before: Uuid, limit: number): Promise<number> {
  return (await db.query(expire, [before, limit])).length;
}
