import { Type } from 'typebox';
import { publicId } from '../../core/ids.ts';
import { type ApplicationRow, listApplications } from '../../store/application.ts';
import { AppIdParam } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf, PageQuery, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { ApplicationPatch, ApplicationSchema, NewApplication } from './schema.ts';
import { storedApplications, uidTaken } from './stored-applications.ts';

const tags = ['Applications'];
const item = Type.Object({ app_id: AppIdParam });

export function applicationRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const applications = storedApplications(deps);

  app.get(
    '/v1/app',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listApplications',
        tags,
        summary: 'List applications',
        querystring: Strict(PageQuery),
        response: { 200: ListOf(ApplicationSchema) },
      },
    },
    async (request) => {
      const rows = await listApplications(
        tenant(request.caller.environmentId),
        request.caller.environmentId,
        pageFrom('app', request.query),
      );
      return listAnswer('app', request.query, rows, presentApplication);
    },
  );

  app.post(
    '/v1/app',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createApplication',
        tags,
        summary: 'Create an application: one customer of yours',
        description: 'Its plan and its limit are set with an admin key.',
        body: NewApplication,
        response: { 201: ApplicationSchema },
      },
    },
    async (request, reply) => {
      const { body, caller } = request;
      const outcome = await once(deps, caller, keyedCall(request, null), async (tx) => {
        const row = await applications.insert(tx, request, body);
        if (!row) throw uidTaken(body.uid);
        return { status: 201, body: JSON.stringify(presentApplication(row)) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    '/v1/app/:app_id',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getApplication',
        tags,
        summary: 'Read an application',
        params: item,
        response: { 200: ApplicationSchema },
      },
    },
    async (request) => presentApplication(await applications.find(request.caller, request.params.app_id)),
  );

  app.patch(
    '/v1/app/:app_id',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'updateApplication',
        tags,
        summary: 'Change an application; what is left out stays',
        description: 'Its plan and its limit are changed with an admin key.',
        params: item,
        body: ApplicationPatch,
        response: { 200: ApplicationSchema },
      },
    },
    async (request) => {
      const row = await applications.find(request.caller, request.params.app_id);
      return presentApplication(await applications.change(request, row, request.body));
    },
  );

  app.delete(
    '/v1/app/:app_id',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'deleteApplication',
        tags,
        summary: 'Delete an application and its endpoints; deliveries still due end FAILED',
        params: item,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await applications.remove(request, await applications.find(request.caller, request.params.app_id));
      return reply.code(204).send(null);
    },
  );
}

function presentApplication(row: ApplicationRow) {
  return {
    id: publicId('app', row.id),
    uid: row.uid,
    name: row.name,
    metadata: row.metadata,
    is_default: row.is_default,
    contact_email: row.contact_email,
    plan: row.plan,
    monthly_event_limit: row.monthly_event_limit,
    subscriptions: row.subscriptions,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
