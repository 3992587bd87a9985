import { Problem } from '../../errors.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import type { ApiServer } from '../server.ts';
import { EndpointPath } from './schema.ts';

export function endpointSecret(app: ApiServer, deps: ApiDependencies): void {
  const { directory } = deps;
  const stored = storedEndpoints(deps);

  app.get(
    '/app/:app_id/endpoint/:endpoint_id/secret',
    { config: { access: 'admin' }, schema: { hide: true, params: EndpointPath } },
    async ({ caller, params }) => {
      const row = await stored.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      const { secret, isReadable } = await directory.open(row);
      if (!isReadable) throw new Problem('internal_error', 'the stored secret cannot be opened');
      return { key: secret };
    },
  );
}
