import type { ApiDependencies } from '../dependencies.ts';
import type { ApiServer } from '../server.ts';
import { applications } from './applications.ts';
import { attempted } from './attempted.ts';
import { attempts } from './attempts.ts';
import { authentication } from './authentication.ts';
import { endpointExample } from './endpoint-example.ts';
import { endpointHeaders } from './endpoint-headers.ts';
import { endpointSecret } from './endpoint-secret.ts';
import { endpointStats } from './endpoint-stats.ts';
import { endpoints } from './endpoints.ts';
import { eventTypeImport } from './event-type-import.ts';
import { eventTypes } from './event-types.ts';
import { health } from './health.ts';
import { messages } from './messages.ts';
import { SVIX_MOUNT } from './mount.ts';
import { replays } from './replays.ts';

/**
 * The surface that the client of Svix (https://github.com/svix/svix-webhooks) speaks to, so that it works with Postrider
 * unchanged. Its contract is Svix's: these routes are not in our OpenAPI document. Nothing is decided here; whatever a
 * route does, it does by the functions that `/v1` does it by.
 */
export function svixRoutes(app: ApiServer, deps: ApiDependencies): void {
  app.register(
    async (instance) => {
      const svix = instance as ApiServer;
      health(svix, deps);
      authentication(svix, deps);
      applications(svix, deps);
      endpoints(svix, deps);
      endpointHeaders(svix, deps);
      endpointSecret(svix, deps);
      endpointStats(svix, deps);
      endpointExample(svix, deps);
      replays(svix, deps);
      eventTypes(svix, deps);
      eventTypeImport(svix, deps);
      messages(svix, deps);
      attempts(svix, deps);
      attempted(svix, deps);
    },
    { prefix: SVIX_MOUNT },
  );
}
