import { Type } from 'typebox';
import { publicId } from '../../core/ids.ts';
import { Problem } from '../../errors.ts';
import { listEndpoints } from '../../store/endpoint.ts';
import { applicationOf, type Mount, pathOf, type ScopedPath } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { addressed, createSender } from '../messages/sending.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { newEndpointRow, patchedRow } from './change.ts';
import { checkPlace } from './place.ts';
import { presentEndpoint } from './presenter.ts';
import {
  CreatedEndpoint,
  EndpointIdParam,
  EndpointPatch,
  EndpointQuery,
  EndpointSchema,
  NewEndpoint,
  TestAnswer,
} from './schema.ts';
import { presentSecret } from './secret.ts';
import { storedEndpoints } from './stored-endpoints.ts';

const tags = ['Endpoints'];
const TEST_EVENT_TYPE = 'postrider.test';

export function endpointRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { tenant, directory } = deps;
  const send = createSender(deps);
  const endpoints = storedEndpoints(deps);
  const path = `${mount.prefix}/endpoints`;
  const collection = pathOf(mount, {});
  const item = pathOf(mount, { id: EndpointIdParam });
  const operation = (name: string) => (mount.isScoped ? `${name}OfApplication` : name);

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('listEndpoints'),
        tags,
        summary: 'List endpoints',
        params: collection,
        querystring: EndpointQuery,
        response: { 200: ListOf(EndpointSchema) },
      },
    },
    async (request) => {
      const application = await applicationOf(directory, request.caller, (request.params as ScopedPath).app_id);
      const page = pageFrom('ep', request.query);
      const rows = await listEndpoints(
        tenant(request.caller.environmentId),
        request.caller.environmentId,
        application.id,
        page,
        request.query.direct,
      );
      const endpoints = await Promise.all(rows.map((row) => directory.open(row)));
      return listAnswer('ep', request.query, endpoints, presentEndpoint);
    },
  );

  app.post(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('createEndpoint'),
        tags,
        summary: 'Create an endpoint',
        params: collection,
        body: NewEndpoint,
        response: { 201: CreatedEndpoint },
      },
    },
    async (request, reply) => {
      const application = await applicationOf(directory, request.caller, (request.params as ScopedPath).app_id);
      const dataKey = await directory.dataKey(request.caller.environmentId);
      const open = await directory.opener(request.caller.environmentId);
      const row = newEndpointRow(deps, dataKey, application, request.body);
      const call = keyedCall(request, application.id);
      await checkPlace(deps, dataKey, row, call);
      const outcome = await once(deps, request.caller, call, async (tx) => {
        await audit(tx, request, 'endpoint.create', publicId('ep', row.id));
        const endpoint = open(await endpoints.insert(tx, row));
        return { status: 201, body: JSON.stringify({ ...presentEndpoint(endpoint), ...presentSecret(endpoint) }) };
      });
      directory.forget({ kind: 'application', id: application.id });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    `${path}/:id`,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('getEndpoint'),
        tags,
        summary: 'Read an endpoint',
        params: item,
        response: { 200: EndpointSchema },
      },
    },
    async (request) => presentEndpoint(await directory.open(await endpoints.find(request.caller, request.params))),
  );

  app.patch(
    `${path}/:id`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('updateEndpoint'),
        tags,
        summary: 'Change an endpoint; what is left out stays',
        description:
          'Where it leads to another origin or broker, and a header of it is shown masked, `headers` are to be given anew.',
        params: item,
        body: EndpointPatch,
        response: { 200: EndpointSchema },
      },
    },
    async (request) => {
      const dataKey = await directory.dataKey(request.caller.environmentId);
      const environment = await directory.environment(request.caller.environmentId);
      const found = await endpoints.find(request.caller, request.params);
      if (request.body.config)
        await checkPlace(deps, dataKey, patchedRow(deps, dataKey, environment, found, request.body));
      const row = await tenant(found.environment_id).transaction(async (tx) => {
        const fields = Object.keys(request.body);
        await audit(tx, request, 'endpoint.update', publicId('ep', found.id), { fields });
        return endpoints.change(tx, found, (row) => patchedRow(deps, dataKey, environment, row, request.body));
      });
      directory.forget({ kind: 'application', id: found.application_id });
      return presentEndpoint(await directory.open(row));
    },
  );

  app.delete(
    `${path}/:id`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('deleteEndpoint'),
        tags,
        summary: 'Delete an endpoint; deliveries still due to it end FAILED',
        params: item,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await endpoints.remove(request, await endpoints.find(request.caller, request.params));
      return reply.code(204).send(null);
    },
  );

  app.post(
    `${path}/:id/test`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('testEndpoint'),
        tags,
        summary: `Send a ${TEST_EVENT_TYPE} event to this endpoint`,
        params: item,
        response: { 202: TestAnswer },
      },
    },
    async (request, reply) => {
      const endpoint = await directory.open(await endpoints.find(request.caller, request.params));
      if (endpoint.status === 'disabled') throw new Problem('endpoint_not_active', 'enable the endpoint, then test it');
      return send(request, reply, {
        application: endpoint.applicationId,
        eventType: TEST_EVENT_TYPE,
        payload: JSON.stringify({
          type: TEST_EVENT_TYPE,
          timestamp: new Date().toISOString(),
          data: { endpoint_id: publicId('ep', endpoint.id), message: 'It works. This event was sent by hand.' },
        }),
        matched: addressed(endpoint),
        trigger: 'test',
        answer: ({ id, deliveryIds }) => ({
          message_id: publicId('msg', id),
          delivery_id: deliveryIds.map((delivery) => publicId('dlv', delivery))[0],
        }),
      });
    },
  );
}
