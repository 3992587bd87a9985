import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

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
