import { Type } from 'typebox';
import type { Caller } from '../../auth/authenticate.ts';
import { newId, publicId } from '../../core/ids.ts';
import { scopeAllows } from '../../core/scope.ts';
import { notFound, Problem } from '../../errors.ts';
import {
  type ApplicationRow,
  deleteApplication,
  findApplication,
  insertApplication,
  listApplications,
  lockApplication,
  updateApplication,
} from '../../store/application.ts';
import { recordChange } from '../../store/change.ts';
import { hasSqlState, UNIQUE_VIOLATION } from '../../store/database.ts';
import { AppIdParam, applicationRef } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf, PageQuery, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { ApplicationPatch, ApplicationSchema, NewApplication } from './schema.ts';

const tags = ['Applications'];
const item = Type.Object({ app_id: AppIdParam });

export function applicationRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;

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
      mayLimit(caller, body, { plan: null, monthly_event_limit: null });
      const outcome = await once(deps, caller, keyedCall(request, null), async (tx) => {
        const row = await insertApplication(tx, {
          id: newId(),
          environment_id: caller.environmentId,
          uid: body.uid ?? null,
          name: body.name,
          metadata: body.metadata ?? {},
          is_default: false,
          contact_email: body.contact_email ?? null,
          plan: body.plan ?? null,
          monthly_event_limit: body.monthly_event_limit ?? null,
          subscriptions: body.subscriptions ?? 'all',
        });
        if (!row) throw uidTaken(body.uid);
        await audit(tx, request, 'application.create', publicId('app', row.id));
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
    async (request) => presentApplication(await find(request.caller, request.params.app_id)),
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
      const row = await find(request.caller, request.params.app_id);
      const updated = await tenant(request.caller.environmentId)
        .transaction(async (tx) => {
          // Read again: what somebody else has just changed is not to be undone by what we leave out.
          const was = await lockApplication(tx, row.environment_id, row.id);
          if (!was) throw notFound('application');
          mayLimit(request.caller, request.body, was);
          const changed = await updateApplication(tx, patched(was, request.body));
          await audit(tx, request, 'application.update', publicId('app', row.id), {
            fields: Object.keys(request.body),
          });
          await recordChange(tx, { kind: 'application', id: row.id });
          return changed;
        })
        .catch((error: unknown) => {
          throw hasSqlState(error, UNIQUE_VIOLATION) ? uidTaken(request.body.uid) : error;
        });
      directory.forget({ kind: 'application', id: row.id });
      if (!updated) throw notFound('application');
      return presentApplication(updated);
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
      const row = await find(request.caller, request.params.app_id);
      if (row.is_default) {
        throw new Problem('default_application', 'every environment keeps its default application');
      }
      await tenant(row.environment_id).transaction(async (tx) => {
        await deleteApplication(tx, row.environment_id, row.id);
        await audit(tx, request, 'application.delete', publicId('app', row.id), { name: row.name, uid: row.uid });
        await recordChange(tx, { kind: 'application', id: row.id });
      });
      directory.forget({ kind: 'application', id: row.id });
      return reply.code(204).send(null);
    },
  );

  async function find(caller: Caller, appId: string): Promise<ApplicationRow> {
    const ref = applicationRef(appId);
    const row = ref && (await findApplication(tenant(caller.environmentId), caller.environmentId, ref));
    if (!row) throw notFound('application');
    return row;
  }
}

/** What an application may use is for whoever runs the environment to say. @throws Problem `insufficient_scope`. */
function mayLimit(
  { scope }: Caller,
  body: Pick<ApplicationPatch, 'plan' | 'monthly_event_limit'>,
  was: Pick<ApplicationRow, 'plan' | 'monthly_event_limit'>,
): void {
  const changed = (['plan', 'monthly_event_limit'] as const).find(
    (name) => body[name] !== undefined && body[name] !== was[name],
  );
  if (!changed || scopeAllows(scope, 'admin')) return;
  throw new Problem('insufficient_scope', `to change ${changed} needs a key of scope admin; this one has ${scope}`);
}

function patched(row: ApplicationRow, patch: ApplicationPatch): ApplicationRow {
  return {
    ...row,
    uid: patch.uid === undefined ? row.uid : patch.uid,
    name: patch.name ?? row.name,
    metadata: patch.metadata ?? row.metadata,
    contact_email: patch.contact_email === undefined ? row.contact_email : patch.contact_email,
    plan: patch.plan === undefined ? row.plan : patch.plan,
    monthly_event_limit: patch.monthly_event_limit === undefined ? row.monthly_event_limit : patch.monthly_event_limit,
    subscriptions: patch.subscriptions ?? row.subscriptions,
  };
}

function uidTaken(uid: string | null | undefined): Problem {
  return new Problem('already_exists', `another application has the uid ${uid}`);
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
