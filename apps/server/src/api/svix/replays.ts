import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { parseId, publicId, type Uuid } from '../../core/ids.ts';
import { notFound, Problem } from '../../errors.ts';
import { type JobRow, listJobs, readJob } from '../../store/job.ts';
import type { ReplayFilter } from '../../store/replay.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { createReplayer } from '../jobs/replaying.ts';
import { EventType } from '../messages/schema.ts';
import { Nullable, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { cursorOf, idListText, OrderedPageQuery, pageOf, sendText, turnFrom } from './paging.ts';
import { EndpointPath, Unsupported } from './schema.ts';

const DateTime = Type.String({ format: 'date-time' });
const times = { since: DateTime, until: Type.Optional(Nullable(DateTime)) };
const RecoverIn = Strict(times);
const BulkReplayIn = Strict({
  ...times,
  eventTypes: Type.Optional(Nullable(Type.Array(EventType, { minItems: 1, maxItems: 1 }))),
  // Success and Fail.
  status: Type.Optional(Nullable(Type.Unsafe<0 | 2>({ type: 'integer', enum: [0, 2] }))),
  channel: Unsupported,
  tag: Unsupported,
  statusCodeClass: Unsupported,
});
const TaskPath = Type.Object({ task_id: Type.String({ maxLength: 64 }) });

type Range = Static<typeof RecoverIn>;

/** Sending again what an endpoint was sent before, and the jobs that do it. */
export function replays(app: ApiServer, deps: ApiDependencies): void {
  const replay = createReplayer(deps);
  const endpoints = storedEndpoints(deps);
  const { tenant } = deps;

  app.post(
    '/app/:app_id/endpoint/:endpoint_id/recover',
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: RecoverIn } },
    (request, reply) => start(request, reply, request.body, { statuses: ['FAILED'] }),
  );

  app.post(
    '/app/:app_id/endpoint/:endpoint_id/bulk-replay',
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: BulkReplayIn } },
    (request, reply) => {
      const { eventTypes, status } = request.body;
      const [eventType] = eventTypes ?? [];
      return start(request, reply, request.body, {
        statuses: status === 0 ? ['SENT'] : status === 2 ? ['FAILED'] : ['FAILED', 'SENT'],
        ...(eventType !== undefined && { eventType }),
      });
    },
  );

  app.get(
    '/background-task',
    {
      config: { access: 'read' },
      schema: {
        hide: true,
        querystring: Strict({ ...OrderedPageQuery, status: Unsupported, task: Unsupported }),
      },
    },
    async ({ caller, query }, reply) => {
      const turn = turnFrom(query, 'descending');
      const rows = await listJobs(
        tenant(caller.environmentId),
        caller.environmentId,
        pageOf(turn, cursorOf('job', turn)),
      );
      return sendText(reply, idListText('job', turn, rows, presentTask));
    },
  );

  app.get(
    '/background-task/:task_id',
    { config: { access: 'read' }, schema: { hide: true, params: TaskPath } },
    async ({ caller, params }) => {
      const id = parseId('job', params.task_id);
      const row = id && (await readJob(tenant(caller.environmentId), caller.environmentId, id));
      if (!row) throw notFound('background task');
      return presentTask(row);
    },
  );

  async function start(
    request: FastifyRequest,
    reply: FastifyReply,
    { since, until }: Range,
    filter: Pick<ReplayFilter, 'statuses' | 'eventType'>,
  ): Promise<FastifyReply> {
    const { app_id, endpoint_id } = request.params as Static<typeof EndpointPath>;
    const endpoint = await endpoints.find(request.caller, { app_id, id: endpoint_id });
    if (endpoint.status === 'disabled') throw new Problem('endpoint_not_active', 'enable the endpoint, then replay');
    const whole = { ...filter, applicationId: endpoint.application_id, endpointId: endpoint.id };
    const answer = (id: Uuid) => ({
      id: publicId('job', id),
      status: 'running',
      task: taskOf(whole),
      updatedAt: new Date(deps.now()).toISOString(),
    });
    return replay(request, reply, { filter: whole, since, until: until ?? undefined, answer });
  }
}

function taskOf({ statuses }: ReplayFilter): string {
  return statuses.includes('SENT') ? 'endpoint.bulk-replay' : 'endpoint.recover';
}

const STATUS = { pending: 'running', running: 'running', done: 'finished', failed: 'failed' } as const;

function presentTask(row: JobRow) {
  return {
    id: publicId('job', row.id),
    status: STATUS[row.status],
    task: taskOf(row.filter),
    data: { messagesSent: row.done },
    updatedAt: (row.completed_at ?? row.created_at).toISOString(),
  };
}
