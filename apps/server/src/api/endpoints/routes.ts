import { type Static, Type } from 'typebox';
import type { Caller } from '../../auth/authenticate.ts';
import { parseId, publicId, type Uuid } from '../../core/ids.ts';
import { notFound, Problem } from '../../errors.ts';
import { recordChange } from '../../store/change.ts';
import type { Queryable } from '../../store/database.ts';
import {
  deleteEndpoint,
  type EndpointRow,
  insertEndpoint,
  listEndpoints,
  lockEndpoint,
  readEndpoint,
  updateEndpoint,
} from '../../store/endpoint.ts';
import { applicationFilter, applicationOf, type Mount, pathOf, type ScopedPath } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { addressed, createSender } from '../messages/sending.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { Id, ListOf, PageQuery, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { enabled, newEndpointRow, patchedRow } from './change.ts';
import { presentEndpoint } from './presenter.ts';
import { CreatedEndpoint, EndpointPatch, EndpointSchema, NewEndpoint, SecretSchema, TestAnswer } from './schema.ts';

const tags = ['Endpoints'];
const TEST_EVENT_TYPE = 'postrider.test';

export function endpointRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { db, directory } = deps;
  const send = createSender(deps);
  const path = `${mount.prefix}/endpoints`;
  const collection = pathOf(mount, {});
  const item = pathOf(mount, { id: Id('ep') });
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
        querystring: Strict(PageQuery),
        response: { 200: ListOf(EndpointSchema) },
      },
    },
    async (request) => {
      const application = await applicationOf(directory, request.caller, appIdOf(request.params));
      const page = pageFrom('ep', request.query);
      const rows = await listEndpoints(db, request.caller.environmentId, application.id, page);
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
      const application = await applicationOf(directory, request.caller, appIdOf(request.params));
      const dataKey = await directory.dataKey(request.caller.environmentId);
      const { row, secret } = newEndpointRow(deps, dataKey, application.id, request.body);
      const outcome = await once(deps, keyedCall(request, application.id), async (tx) => {
        const endpoint = await directory.open(await insertEndpoint(tx, row));
        await recordChange(tx, { kind: 'application', id: application.id });
        return { status: 201, body: JSON.stringify({ ...presentEndpoint(endpoint), secret }) };
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
    async (request) => presentEndpoint(await directory.open(await find(request.caller, request.params))),
  );

  app.patch(
    `${path}/:id`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('updateEndpoint'),
        tags,
        summary: 'Change an endpoint; what is left out stays',
        params: item,
        body: EndpointPatch,
        response: { 200: EndpointSchema },
      },
    },
    async (request) => {
      const dataKey = await directory.dataKey(request.caller.environmentId);
      return change(request.caller, request.params, (row) => patchedRow(deps, dataKey, row, request.body));
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
      const row = await find(request.caller, request.params);
      await db.transaction(async (tx) => {
        await deleteEndpoint(tx, row.environment_id, row.application_id, row.id);
        await recordChange(tx, { kind: 'application', id: row.application_id });
      });
      directory.forget({ kind: 'application', id: row.application_id });
      return reply.code(204).send(null);
    },
  );

  app.post(
    `${path}/:id/enable`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('enableEndpoint'),
        tags,
        summary: 'Enable a disabled endpoint',
        params: item,
        response: { 200: EndpointSchema },
      },
    },
    async (request, reply) => {
      const { application_id } = await find(request.caller, request.params);
      // Fetched before the transaction: within it, the embedded database has no second connection to ask on.
      await directory.dataKey(request.caller.environmentId);
      const outcome = await once(deps, keyedCall(request, application_id), async (tx) => {
        const row = await changeIn(tx, request.caller, request.params, application_id, enabled);
        return { status: 200, body: JSON.stringify(presentEndpoint(await directory.open(row))) };
      });
      directory.forget({ kind: 'application', id: application_id });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    `${path}/:id/secret`,
    {
      config: { access: 'admin' },
      schema: {
        operationId: operation('getEndpointSecret'),
        tags,
        summary: 'Show the signing secret',
        params: item,
        response: { 200: SecretSchema },
      },
    },
    async (request) => ({ secret: (await directory.open(await find(request.caller, request.params))).secret }),
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
      const endpoint = await directory.open(await find(request.caller, request.params));
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

  async function find(caller: Caller, params: ItemPath): Promise<EndpointRow> {
    const id = parseId('ep', params.id);
    const row =
      id &&
      (await readEndpoint(db, caller.environmentId, await applicationFilter(directory, caller, appIdOf(params)), id));
    if (!row) throw notFound('endpoint');
    return row;
  }

  async function change(caller: Caller, params: ItemPath, apply: (row: EndpointRow) => EndpointRow) {
    const applicationId = await applicationFilter(directory, caller, appIdOf(params));
    const updated = await db.transaction((tx) => changeIn(tx, caller, params, applicationId, apply));
    directory.forget({ kind: 'application', id: updated.application_id });
    return presentEndpoint(await directory.open(updated));
  }

  /** Reads, changes and writes under a row lock, so that two patches at once both count. */
  async function changeIn(
    tx: Queryable,
    caller: Caller,
    params: ItemPath,
    applicationId: Uuid | null,
    apply: (row: EndpointRow) => EndpointRow,
  ): Promise<EndpointRow> {
    const id = parseId('ep', params.id);
    const row = id && (await lockEndpoint(tx, caller.environmentId, applicationId, id));
    const changed = row && (await updateEndpoint(tx, apply(row)));
    if (!changed) throw notFound('endpoint');
    await recordChange(tx, { kind: 'application', id: changed.application_id });
    return changed;
  }
}

type ItemPath = ScopedPath & { id: string };

function appIdOf(params: Static<ReturnType<typeof Type.Object>> | ScopedPath): string | undefined {
  return (params as ScopedPath).app_id;
}
