import type { FastifyRequest } from 'fastify';
import { publicId } from '../../core/ids.ts';
import { Problem } from '../../errors.ts';
import { type EndpointRow, pageEndpoints } from '../../store/endpoint.ts';
import { applicationOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { newEndpointRow, patchedRow } from '../endpoints/change.ts';
import { ENDPOINT_UID_PATTERN, type EndpointPatch } from '../endpoints/schema.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { withUid } from './applications.ts';
import { EndpointIn, EndpointPatchIn, EndpointPut, endpointPatch, endpointPut, newEndpoint } from './endpoint-body.ts';
import { presentEndpointOut } from './endpoint-presenter.ts';
import { cursorOf, idListText, OrderedPageQuery, pageOf, sendText, turnFrom } from './paging.ts';
import { AppPath, EndpointPath } from './schema.ts';

const UID = new RegExp(ENDPOINT_UID_PATTERN);

/** Neither PUT nor PATCH carries headers here. */
const anew = (names: string) =>
  `do not go to another origin: take out ${names} with PATCH …/headers, change url, and give them there anew`;

export function endpoints(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const stored = storedEndpoints(deps);
  const item = '/app/:app_id/endpoint/:endpoint_id';

  app.get(
    '/app/:app_id/endpoint',
    { config: { access: 'read' }, schema: { hide: true, params: AppPath, querystring: Strict(OrderedPageQuery) } },
    async ({ caller, params, query }, reply) => {
      const { environmentId } = caller;
      const application = await applicationOf(directory, caller, params.app_id);
      const turn = turnFrom(query, 'ascending');
      const page = pageOf(turn, cursorOf('ep', turn));
      const rows = await pageEndpoints(tenant(environmentId), environmentId, application.id, page);
      const open = await directory.opener(environmentId);
      return sendText(reply, idListText('ep', turn, rows.map(open), presentEndpointOut));
    },
  );

  app.post(
    '/app/:app_id/endpoint',
    { config: { access: 'write' }, schema: { hide: true, params: AppPath, body: EndpointIn } },
    async (request, reply) => {
      const application = await applicationOf(directory, request.caller, request.params.app_id);
      const dataKey = await directory.dataKey(request.caller.environmentId);
      const open = await directory.opener(request.caller.environmentId);
      const row = newEndpointRow(deps, dataKey, application, newEndpoint(request.body));
      const outcome = await once(deps, request.caller, keyedCall(request, application.id), async (tx) => {
        await audit(tx, request, 'endpoint.create', publicId('ep', row.id));
        const made = open(await stored.insert(tx, row));
        return { status: 201, body: JSON.stringify(presentEndpointOut(made)) };
      });
      directory.forget({ kind: 'application', id: application.id });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(item, { config: { access: 'read' }, schema: { hide: true, params: EndpointPath } }, async (request) =>
    presentEndpointOut(await directory.open(await find(request, request.params))),
  );

  app.put(
    item,
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: EndpointPut } },
    async (request, reply) => {
      const { params, body } = request;
      const there = await find(request, params).catch((error: unknown) => {
        if (error instanceof Problem && error.code === 'not_found' && UID.test(params.endpoint_id)) return null;
        throw error;
      });
      if (there) return change(request, there, endpointPut(body));
      // An id of ours that is not there cannot be made; a name of its owner's can.
      const application = await applicationOf(directory, request.caller, params.app_id);
      const wanted = newEndpoint(withUid(params.endpoint_id, body));
      const row = newEndpointRow(deps, await directory.dataKey(request.caller.environmentId), application, wanted);
      const made = await tenant(row.environment_id).transaction(async (tx) => {
        await audit(tx, request, 'endpoint.create', publicId('ep', row.id));
        return stored.insert(tx, row);
      });
      directory.forget({ kind: 'application', id: application.id });
      return reply.code(201).send(presentEndpointOut(await directory.open(made)));
    },
  );

  app.patch(
    item,
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: EndpointPatchIn } },
    async (request) => change(request, await find(request, request.params), endpointPatch(request.body)),
  );

  app.delete(
    item,
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath } },
    async (request, reply) => {
      await stored.remove(request, await find(request, request.params));
      return reply.code(204).send(null);
    },
  );

  function find({ caller }: Pick<FastifyRequest, 'caller'>, path: { app_id: string; endpoint_id: string }) {
    return stored.find(caller, { app_id: path.app_id, id: path.endpoint_id });
  }

  async function change(request: Pick<FastifyRequest, 'caller' | 'id'>, found: EndpointRow, patch: EndpointPatch) {
    const dataKey = await directory.dataKey(found.environment_id);
    const environment = await directory.environment(found.environment_id);
    const row = await tenant(found.environment_id).transaction(async (tx) => {
      await audit(tx, request, 'endpoint.update', publicId('ep', found.id), { fields: Object.keys(patch) });
      return stored.change(tx, found, (before) => patchedRow(deps, dataKey, environment, before, patch, anew));
    });
    directory.forget({ kind: 'application', id: found.application_id });
    return presentEndpointOut(await directory.open(row));
  }
}
