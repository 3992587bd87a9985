import type { FastifyRequest } from 'fastify';
import { newId } from '../core/ids.ts';
import { insertAuditEntry } from '../store/audit.ts';
import type { Queryable } from '../store/database.ts';

/**
 * Notes an administrative act in its own transaction: whatever a call changes in the set-up is in the audit log, or it did
 * not happen.
 *
 * @param action resource and verb: `endpoint.create`.
 * @param subject the public id, or the name, of what it was done to.
 * @param details what is worth knowing besides; never a secret, never a payload.
 */
export async function audit(
  tx: Queryable,
  { caller, id }: Pick<FastifyRequest, 'caller' | 'id'>,
  action: string,
  subject: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await insertAuditEntry(tx, {
    id: newId(),
    environment_id: caller.environmentId,
    actor_kind: caller.portal ? 'portal_session' : 'api_key',
    actor_id: caller.keyId,
    action,
    subject,
    details,
    request_id: id,
  });
}
