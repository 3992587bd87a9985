import { publicId } from '../../core/ids.ts';
import { invalidFields, notFound } from '../../errors.ts';
import { type ApplicationRow, findApplication, pageApplications } from '../../store/application.ts';
import { applicationRef } from '../application-scope.ts';
import { ApplicationPatch, NewApplication } from '../applications/schema.ts';
import { storedApplications, uidTaken } from '../applications/stored-applications.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { cursorOf, idListText, OrderedPageQuery, pageOf, sendText, turnFrom } from './paging.ts';
import { AppPath, Switch, Unsupported, UnsupportedSwitch } from './schema.ts';

const { name, uid, metadata } = NewApplication.properties;

export const ApplicationIn = Strict({ name, uid, metadata, throttleRate: Unsupported });
const PatchIn = Strict({ name: ApplicationPatch.properties.name, uid, metadata, throttleRate: Unsupported });

const ListQuery = Strict({
  ...OrderedPageQuery,
  exclude_apps_with_no_endpoints: UnsupportedSwitch,
  exclude_apps_with_disabled_endpoints: UnsupportedSwitch,
  exclude_apps_with_svix_play_endpoints: UnsupportedSwitch,
});

export function applications(app: ApiServer, deps: ApiDependencies): void {
  const stored = storedApplications(deps);

  app.get(
    '/app',
    { config: { access: 'read' }, schema: { hide: true, querystring: ListQuery } },
    async ({ caller, query }, reply) => {
      const turn = turnFrom(query, 'ascending');
      const page = pageOf(turn, cursorOf('app', turn));
      const rows = await pageApplications(deps.tenant(caller.environmentId), caller.environmentId, page);
      return sendText(reply, idListText('app', turn, rows, present));
    },
  );

  app.post(
    '/app',
    {
      config: { access: 'write' },
      schema: { hide: true, querystring: Strict({ get_if_exists: Switch }), body: ApplicationIn },
    },
    async (request, reply) => {
      const { throttleRate: _, ...body } = request.body;
      const { environmentId } = request.caller;
      const outcome = await once(deps, request.caller, keyedCall(request, null), async (tx) => {
        const made = await stored.insert(tx, request, body);
        if (made) return { status: 201, body: JSON.stringify(present(made)) };
        const { uid } = body;
        const there =
          request.query.get_if_exists && uid != null && (await findApplication(tx, environmentId, { by: 'uid', uid }));
        if (!there) throw uidTaken(uid);
        return { status: 200, body: JSON.stringify(present(there)) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    '/app/:app_id',
    { config: { access: 'read' }, schema: { hide: true, params: AppPath } },
    async ({ caller, params }) => present(await stored.find(caller, params.app_id)),
  );

  app.put(
    '/app/:app_id',
    { config: { access: 'write' }, schema: { hide: true, params: AppPath, body: ApplicationIn } },
    async (request, reply) => {
      const { throttleRate: _, ...body } = request.body;
      const { caller, params } = request;
      const { environmentId } = caller;
      const ref = applicationRef(params.app_id);
      const there = ref && (await findApplication(deps.tenant(environmentId), environmentId, ref));
      if (there) {
        // What is left out of a PUT is not there any more.
        return present(
          await stored.change(request, there, { ...body, uid: body.uid ?? null, metadata: body.metadata ?? {} }),
        );
      }
      // An id of ours that is not there cannot be made; a name of the producer's can.
      if (ref?.by !== 'uid') throw notFound('application');
      const named = withUid(ref.uid, body);
      const made = await deps.tenant(environmentId).transaction((tx) => stored.insert(tx, request, named));
      if (!made) throw uidTaken(named.uid);
      return reply.code(201).send(present(made));
    },
  );

  app.patch(
    '/app/:app_id',
    { config: { access: 'write' }, schema: { hide: true, params: AppPath, body: PatchIn } },
    async (request) => {
      const { throttleRate: _, ...patch } = request.body;
      const row = await stored.find(request.caller, request.params.app_id);
      return present(await stored.change(request, row, patch));
    },
  );

  app.delete(
    '/app/:app_id',
    { config: { access: 'write' }, schema: { hide: true, params: AppPath } },
    async (request, reply) => {
      await stored.remove(request, await stored.find(request.caller, request.params.app_id));
      return reply.code(204).send(null);
    },
  );
}

/** A new application under the name that a path gave it. @throws Problem `validation_failed` where the body has another. */
export function withUid<B extends { uid?: string | null | undefined }>(named: string, body: B, path = '/uid') {
  if (body.uid != null && body.uid !== named) throw invalidFields([{ path, message: 'must be the one in the path' }]);
  return { ...body, uid: named };
}

function present(row: ApplicationRow) {
  return {
    id: publicId('app', row.id),
    uid: row.uid,
    name: row.name,
    throttleRate: null,
    metadata: row.metadata,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
