import { parseId, publicId } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import { clearRejections, listRejections, readRejection } from '../../store/source-rejection.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentRejection, presentRejectionDetail } from './presenter.ts';
import {
  RejectionDetail,
  RejectionPath,
  RejectionQuery,
  RejectionSchema,
  RejectionsDeleted,
  SourcePath,
} from './schema.ts';
import { storedSources } from './stored-sources.ts';

const tags = ['Sources'];
const path = '/v1/sources/:id/rejections';

export function rejectionRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const sources = storedSources(deps);

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listSourceRejections',
        tags,
        summary: 'List the messages that a source refused for what they are, newest first, without their bodies',
        params: SourcePath,
        querystring: RejectionQuery,
        response: { 200: ListOf(RejectionSchema) },
      },
    },
    async ({ caller, params, query }) => {
      const { id, environment_id } = await sources.find(caller, params);
      const rows = await listRejections(tenant(environment_id), environment_id, id, pageFrom('rej', query));
      return listAnswer('rej', query, rows, presentRejection);
    },
  );

  app.get(
    `${path}/:rejection_id`,
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getSourceRejection',
        tags,
        summary: 'Read a message that a source refused',
        params: RejectionPath,
        response: { 200: RejectionDetail },
      },
    },
    async ({ caller, params }) => {
      const { id, environment_id } = await sources.find(caller, params);
      const rejectionId = parseId('rej', params.rejection_id);
      const row = rejectionId && (await readRejection(tenant(environment_id), environment_id, id, rejectionId));
      if (!row) throw notFound('rejection');
      return presentRejectionDetail(row);
    },
  );

  app.delete(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'deleteSourceRejections',
        tags,
        summary: 'Delete all messages that a source refused',
        params: SourcePath,
        response: { 200: RejectionsDeleted },
      },
    },
    async (request) => {
      const { id, environment_id } = await sources.find(request.caller, request.params);
      const deleted = await tenant(environment_id).transaction(async (tx) => {
        const count = await clearRejections(tx, environment_id, id);
        await audit(tx, request, 'source.delete_rejections', publicId('src', id), { deleted: count });
        return count;
      });
      return { deleted };
    },
  );
}
