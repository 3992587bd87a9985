import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { publicId } from '../../core/ids.ts';
import { isSecretHeader } from '../../core/mask.ts';
import { Problem } from '../../errors.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { patchedRow } from '../endpoints/change.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { Headers, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { EndpointPath } from './schema.ts';

const HeadersIn = Strict({ headers: Headers });
const HeadersPatch = Strict({
  headers: Headers,
  deleteHeaders: Type.Optional(Type.Array(Type.String({ maxLength: 8_192 }), { maxItems: 50 })),
});

type HeaderMap = Readonly<Record<string, string>>;

/** What goes with every delivery of an endpoint. Values that may be secret are not shown: only that they are there. */
export function endpointHeaders(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const stored = storedEndpoints(deps);
  const path = '/app/:app_id/endpoint/:endpoint_id/headers';

  app.get(path, { config: { access: 'read' }, schema: { hide: true, params: EndpointPath } }, async (request) => {
    const { headers } = await directory.open(await find(request));
    const names = Object.keys(headers);
    return {
      headers: Object.fromEntries(names.filter((name) => !isSecretHeader(name)).map((name) => [name, headers[name]])),
      sensitive: names.filter(isSecretHeader),
    };
  });

  app.put(
    path,
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: HeadersIn } },
    async (request, reply) => {
      await change(request, () => request.body.headers);
      return reply.code(204).send(null);
    },
  );

  app.patch(
    path,
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: HeadersPatch } },
    async (request, reply) => {
      const { headers, deleteHeaders = [] } = request.body;
      const gone = new Set(deleteHeaders.map((name) => name.toLowerCase()));
      await change(request, (before) => {
        const left = Object.entries(before).filter(([name]) => !gone.has(name) && !isNamed(headers, name));
        return { ...Object.fromEntries(left), ...headers };
      });
      return reply.code(204).send(null);
    },
  );

  function find({ caller, params }: Pick<FastifyRequest, 'caller' | 'params'>) {
    const { app_id, endpoint_id } = params as { app_id: string; endpoint_id: string };
    return stored.find(caller, { app_id, id: endpoint_id });
  }

  async function change(
    request: Pick<FastifyRequest, 'caller' | 'params' | 'id'>,
    wanted: (before: HeaderMap) => Record<string, string>,
  ): Promise<void> {
    const found = await find(request);
    const dataKey = await directory.dataKey(found.environment_id);
    const open = await directory.opener(found.environment_id);
    const environment = await directory.environment(found.environment_id);
    await tenant(found.environment_id).transaction(async (tx) => {
      await audit(tx, request, 'endpoint.update', publicId('ep', found.id), { fields: ['headers'] });
      await stored.change(tx, found, (row) => {
        const { headers, isReadable } = open(row);
        if (!isReadable) throw new Problem('internal_error', 'the stored headers cannot be opened');
        return patchedRow(deps, dataKey, environment, row, { headers: wanted(headers) });
      });
    });
    directory.forget({ kind: 'application', id: found.application_id });
  }
}

/** Stored names are lower-case; those of a caller are as they come. */
function isNamed(headers: HeaderMap, name: string): boolean {
  return Object.keys(headers).some((each) => each.toLowerCase() === name);
}
