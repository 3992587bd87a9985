import { Type } from 'typebox';
import { EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import { newId, parseId, publicId, type Uuid } from '../../core/ids.ts';
import { invalidFields, notFound } from '../../errors.ts';
import { recordChange } from '../../store/change.ts';
import type { Queryable } from '../../store/database.ts';
import { deleteRoute, listRoutes, putRoute, type RouteRow, readRoute, routableEndpoints } from '../../store/route.ts';
import { applicationOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf, PageQuery, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { NewRoutePath, RoutePath, RouteSchema, RouteTarget } from './schema.ts';

const tags = ['Routes'];
const path = '/v1/routes/:event_type';
/** What it does not match no route has, and the database may not take. */
const EVENT_TYPE = new RegExp(EVENT_TYPE_PATTERN);

/** Routes: event types that go to a fixed set of endpoints of the default application, whatever those listen to. */
export function eventRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;

  app.get(
    '/v1/routes',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listRoutes',
        tags,
        summary: 'List routes',
        querystring: Strict(PageQuery),
        response: { 200: ListOf(RouteSchema) },
      },
    },
    async ({ caller, query }) => {
      const rows = await listRoutes(tenant(caller.environmentId), caller.environmentId, pageFrom('rt', query));
      return listAnswer('rt', query, rows, presentRoute);
    },
  );

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getRoute',
        tags,
        summary: 'Read the route of an event type',
        params: RoutePath,
        response: { 200: RouteSchema },
      },
    },
    async ({ caller, params }) => {
      return presentRoute(await find(tenant(caller.environmentId), caller.environmentId, params.event_type));
    },
  );

  app.put(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'putRoute',
        tags,
        summary: 'Send an event type to a fixed set of endpoints',
        description:
          'A message of this type to the default application goes to these endpoints and no others, unless it names its ' +
          'endpoints itself. What they listen to, their channels and subscriptions are not asked; one that is disabled ' +
          'gets nothing.',
        params: NewRoutePath,
        body: RouteTarget,
        response: { 200: RouteSchema, 201: RouteSchema },
      },
    },
    async (request, reply) => {
      const { environmentId } = request.caller;
      const { event_type: eventType } = request.params;
      const application = await applicationOf(directory, request.caller, 'default');
      const endpointIds = [...new Set(request.body.endpoint_ids.map(endpointId))];
      const { row, isNew } = await tenant(environmentId).transaction(async (tx) => {
        const routable = await routableEndpoints(tx, environmentId, application.id, endpointIds);
        request.body.endpoint_ids.forEach((text, n) => {
          if (!routable.has(endpointId(text, n))) throw notRoutable(n);
        });
        const isNew = await putRoute(tx, { id: newId(), environmentId, eventType, endpointIds });
        const row = await find(tx, environmentId, eventType);
        const details = { endpoint_ids: presentRoute(row).endpoint_ids };
        await audit(tx, request, isNew ? 'route.create' : 'route.update', eventType, details);
        await recordChange(tx, { kind: 'application', id: application.id });
        return { row, isNew };
      });
      directory.forget({ kind: 'application', id: application.id });
      return reply.code(isNew ? 201 : 200).send(presentRoute(row));
    },
  );

  app.delete(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'deleteRoute',
        tags,
        summary: 'Delete a route; the event type goes to all endpoints that match it again',
        params: RoutePath,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { environmentId } = request.caller;
      const { event_type: eventType } = request.params;
      const application = await applicationOf(directory, request.caller, 'default');
      await tenant(environmentId).transaction(async (tx) => {
        await find(tx, environmentId, eventType);
        await deleteRoute(tx, environmentId, eventType);
        await audit(tx, request, 'route.delete', eventType);
        await recordChange(tx, { kind: 'application', id: application.id });
      });
      directory.forget({ kind: 'application', id: application.id });
      return reply.code(204).send(null);
    },
  );
}

/** @throws Problem `not_found`. */
async function find(db: Queryable, environmentId: Uuid, eventType: string): Promise<RouteRow> {
  const row = EVENT_TYPE.test(eventType) ? await readRoute(db, environmentId, eventType) : undefined;
  if (!row) throw notFound('route');
  return row;
}

/** @param n where it stands in `endpoint_ids`. @throws Problem `validation_failed`. */
function endpointId(text: string, n: number): Uuid {
  const id = parseId('ep', text);
  if (!id) throw notRoutable(n);
  return id;
}

function notRoutable(n: number) {
  return invalidFields([{ path: `/endpoint_ids/${n}`, message: 'is not an endpoint of the default application' }]);
}

function presentRoute(row: RouteRow) {
  return {
    id: publicId('rt', row.id),
    event_type: row.event_type,
    endpoint_ids: row.endpoint_ids.map((id) => publicId('ep', id)),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
