import { publicId, timeOf } from '../../core/ids.ts';
import { listAuditEntries, type ShownAuditRow } from '../../store/audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { AuditEntrySchema, AuditLogQuery } from './schema.ts';

export function auditLogRoutes(app: ApiServer, { tenant }: ApiDependencies): void {
  app.get(
    '/v1/audit-log',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'listAuditLog',
        tags: ['Audit log'],
        summary: 'List who did what to the set-up of this environment, newest first',
        description:
          'Every act that changes the set-up or shows a secret, by an API key, by a command on the server or by Postrider ' +
          'itself. Written in the same transaction as the act: neither is without the other. Kept for 400 days.',
        querystring: AuditLogQuery,
        response: { 200: ListOf(AuditEntrySchema) },
      },
    },
    async ({ caller: { environmentId }, query }) => {
      const filter = { environmentId, action: query.action };
      const { rows, lookedTo } = await listAuditEntries(tenant(environmentId), filter, pageFrom('aud', query));
      return listAnswer('aud', query, rows, present, lookedTo);
    },
  );
}

function present(row: ShownAuditRow) {
  return {
    id: publicId('aud', row.id),
    action: row.action,
    subject: row.subject,
    actor: {
      kind: row.actor_kind,
      id: row.actor_id && publicId(row.actor_kind === 'portal_session' ? 'pts' : 'key', row.actor_id),
      ...(row.actor_name !== null && { name: row.actor_name }),
    },
    details: { ...row.details },
    request_id: row.request_id,
    created_at: new Date(timeOf(row.id)).toISOString(),
  };
}
