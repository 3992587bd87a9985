import { Type } from 'typebox';
import { parseId, publicId } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import { type JobRow, listJobs, readJob } from '../../store/job.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { Id, ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { JobQuery, JobSchema } from './schema.ts';

const tags = ['Jobs'];

export function jobRoutes(app: ApiServer, { tenant }: ApiDependencies): void {
  app.get(
    '/v1/jobs',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listJobs',
        tags,
        summary: 'List jobs, newest first',
        querystring: JobQuery,
        response: { 200: ListOf(JobSchema) },
      },
    },
    async ({ caller, query }) =>
      listAnswer(
        'job',
        query,
        await listJobs(tenant(caller.environmentId), caller.environmentId, pageFrom('job', query)),
        present,
      ),
  );

  app.get(
    '/v1/jobs/:id',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getJob',
        tags,
        summary: 'Read how far a job is',
        params: Type.Object({ id: Id('job') }),
        response: { 200: JobSchema },
      },
    },
    async ({ caller, params }) => {
      const id = parseId('job', params.id);
      const row = id && (await readJob(tenant(caller.environmentId), caller.environmentId, id));
      if (!row) throw notFound('job');
      return present(row);
    },
  );
}

function present(row: JobRow) {
  return {
    id: publicId('job', row.id),
    kind: row.kind,
    status: row.status,
    done: row.done,
    total: row.total,
    errors: row.errors,
    created_at: row.created_at.toISOString(),
    completed_at: row.completed_at?.toISOString() ?? null,
  };
}
