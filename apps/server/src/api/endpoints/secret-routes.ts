import { publicId } from '../../core/ids.ts';
import { type Mount, pathOf } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';
import { EndpointIdParam, SecretSchema } from './schema.ts';
import { presentSecret } from './secret.ts';
import { storedEndpoints } from './stored-endpoints.ts';

/** What signs an endpoint's deliveries. */
export function endpointSecretRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { tenant, directory } = deps;
  const endpoints = storedEndpoints(deps);
  const operation = (name: string) => (mount.isScoped ? `${name}OfApplication` : name);
  const path = `${mount.prefix}/endpoints/:id/secret`;
  const params = pathOf(mount, { id: EndpointIdParam });

  app.get(
    path,
    {
      config: { access: 'admin' },
      schema: {
        operationId: operation('getEndpointSecret'),
        tags: ['Endpoints'],
        summary: 'Show the signing secret',
        params,
        response: { 200: SecretSchema },
      },
    },
    async (request) => {
      const endpoint = await directory.open(await endpoints.find(request.caller, request.params));
      const answer = presentSecret(endpoint);
      // Not shown unless it is noted that it was.
      await tenant(endpoint.environmentId).transaction((tx) =>
        audit(tx, request, 'endpoint.reveal_secret', publicId('ep', endpoint.id)),
      );
      return answer;
    },
  );
}
