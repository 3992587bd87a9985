import { Type } from 'typebox';
import { BROKER_TYPES, SOURCES } from '../../core/broker/all.ts';
import { newId, publicId } from '../../core/ids.ts';
import { insertSource, listSources, type SourceRow, type SourceSettings } from '../../store/source.ts';
import { applicationFilter, applicationOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { presentField } from '../destination-types/routes.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { NewSource, SourcePatch, SourcePath, SourceQuery, SourceSchema, SourceTypes } from './schema.ts';
import { checkPlace, placeOf, presenterOf, storedSources } from './stored-sources.ts';

const tags = ['Sources'];

export function sourceRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const sources = storedSources(deps);
  const types = BROKER_TYPES.map((type) => {
    const { name, description, fields } = SOURCES[type];
    return { type, name, description, fields: fields.map(presentField) };
  });

  app.get(
    '/v1/source-types',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listSourceTypes',
        tags,
        summary: 'List the kinds of place that events can come from, and what each has to be told',
        response: { 200: SourceTypes },
      },
    },
    async () => ({ data: types }),
  );

  app.get(
    '/v1/sources',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listSources',
        tags,
        summary: 'List sources, newest first',
        querystring: SourceQuery,
        response: { 200: ListOf(SourceSchema) },
      },
    },
    async (request) => {
      const { caller, query } = request;
      const { environmentId } = caller;
      const applicationId = (await applicationFilter(directory, caller, query.application)) ?? undefined;
      const present = presenterOf(await directory.dataKey(environmentId));
      const rows = await listSources(tenant(environmentId), { environmentId, applicationId }, pageFrom('src', query));
      return listAnswer('src', query, rows, present);
    },
  );

  app.post(
    '/v1/sources',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createSource',
        tags,
        summary: 'Create a source: a queue whose messages become events',
        description:
          'Each message that the broker has for us is published to the matching endpoints of an application, and acked once ' +
          'it is stored: none is lost, and one that comes again within 24 hours is known and becomes no second event.',
        body: NewSource,
        response: { 201: SourceSchema },
      },
    },
    async (request, reply) => {
      const { caller, body } = request;
      const application = await applicationOf(directory, caller, body.app_id);
      const dataKey = await directory.dataKey(caller.environmentId);
      const id = newId();
      const { type, name, event_type } = body;
      const row: SourceSettings = {
        ...{ id, environment_id: caller.environmentId, application_id: application.id, name, type, event_type },
        ...placeOf(dataKey, { id, type }, null, body.config),
        status: 'active',
        paused_reason: null,
      };
      const call = keyedCall(request, null);
      await checkPlace(deps, dataKey, row, call);
      const outcome = await once(deps, caller, call, async (tx) => {
        await audit(tx, request, 'source.create', publicId('src', id), { name, type });
        return { status: 201, body: JSON.stringify(presenterOf(dataKey)(await insertSource(tx, row))) };
      });
      deps.wakeSources();
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    '/v1/sources/:id',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getSource',
        tags,
        summary: 'Read a source',
        params: SourcePath,
        response: { 200: SourceSchema },
      },
    },
    async ({ caller, params }) => {
      const row = await sources.find(caller, params);
      return presenterOf(await directory.dataKey(caller.environmentId))(row);
    },
  );

  app.patch(
    '/v1/sources/:id',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'updateSource',
        tags,
        summary: 'Change a source; what is left out stays',
        params: SourcePath,
        body: SourcePatch,
        response: { 200: SourceSchema },
      },
    },
    async (request) => {
      const { caller, body } = request;
      const dataKey = await directory.dataKey(caller.environmentId);
      const found = await sources.find(caller, request.params);
      const patched = (row: SourceRow): SourceRow => ({
        ...row,
        ...{ name: body.name ?? row.name, event_type: body.event_type ?? row.event_type },
        ...(body.config && placeOf(dataKey, row, row, body.config)),
      });
      if (body.config) await checkPlace(deps, dataKey, patched(found));
      const row = await tenant(caller.environmentId).transaction(async (tx) => {
        await audit(tx, request, 'source.update', publicId('src', found.id), { fields: Object.keys(body) });
        return sources.change(tx, found, patched);
      });
      deps.wakeSources();
      return presenterOf(dataKey)(row);
    },
  );

  app.delete(
    '/v1/sources/:id',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'deleteSource',
        tags,
        summary: 'Delete a source and the messages it refused; what it has not taken stays with the broker',
        params: SourcePath,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await sources.remove(request, await sources.find(request.caller, request.params));
      deps.wakeSources();
      return reply.code(204).send(null);
    },
  );
}
