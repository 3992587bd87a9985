import { apiKeyRoutes } from './api-keys/routes.ts';
import { apiKeySecretRoutes } from './api-keys/secret-routes.ts';
import { MOUNTS } from './application-scope.ts';
import { applicationRoutes } from './applications/routes.ts';
import { auditLogRoutes } from './audit-log/routes.ts';
import { deliveryRoutes } from './deliveries/routes.ts';
import type { ApiDependencies } from './dependencies.ts';
import { destinationTypeRoutes } from './destination-types/routes.ts';
import { docsRoutes } from './docs/routes.ts';
import { endpointRoutes } from './endpoints/routes.ts';
import { endpointSecretRoutes } from './endpoints/secret-routes.ts';
import { endpointStateRoutes } from './endpoints/state-routes.ts';
import { environmentRoutes } from './environment/routes.ts';
import { eventRoutes } from './event-routes/routes.ts';
import { eventTypeRoutes } from './event-types/routes.ts';
import { eventTypeTransferRoutes } from './event-types/transfer-routes.ts';
import { healthRoutes } from './health/routes.ts';
import { replayRoutes } from './jobs/replay-routes.ts';
import { jobRoutes } from './jobs/routes.ts';
import { batchRoutes } from './messages/batch-routes.ts';
import { messageRoutes } from './messages/routes.ts';
import { sendRoutes } from './messages/send-routes.ts';
import { organizationRoutes } from './organization/routes.ts';
import { portalRoutes } from './portal/routes.ts';
import type { ApiServer } from './server.ts';
import { rejectionRoutes } from './sources/rejection-routes.ts';
import { sourceRoutes } from './sources/routes.ts';
import { sourceStateRoutes } from './sources/state-routes.ts';
import { applicationStatisticsRoutes } from './statistics/application-routes.ts';
import { endpointStatsRoutes, metricsRoutes } from './statistics/routes.ts';
import { subscriptionRoutes } from './subscriptions/routes.ts';
import { svixRoutes } from './svix/routes.ts';

/** Every route there is. Registered as one plugin, after the OpenAPI plugin, so that the document sees them all. */
export function registerRoutes(app: ApiServer, deps: ApiDependencies): void {
  app.register(async (instance) => {
    const api = instance as ApiServer;
    healthRoutes(api, deps);
    docsRoutes(api);
    applicationRoutes(api, deps);
    environmentRoutes(api, deps);
    apiKeyRoutes(api, deps);
    apiKeySecretRoutes(api, deps);
    auditLogRoutes(api, deps);
    organizationRoutes(api, deps);
    sendRoutes(api, deps);
    eventTypeRoutes(api, deps);
    eventTypeTransferRoutes(api, deps);
    eventRoutes(api, deps);
    subscriptionRoutes(api, deps);
    destinationTypeRoutes(api);
    sourceRoutes(api, deps);
    sourceStateRoutes(api, deps);
    rejectionRoutes(api, deps);
    jobRoutes(api, deps);
    metricsRoutes(api, deps);
    portalRoutes(api, deps);
    applicationStatisticsRoutes(api, deps);
    svixRoutes(api, deps);
    for (const mount of MOUNTS) {
      endpointRoutes(api, deps, mount);
      endpointSecretRoutes(api, deps, mount);
      endpointStateRoutes(api, deps, mount);
      endpointStatsRoutes(api, deps, mount);
      messageRoutes(api, deps, mount);
      batchRoutes(api, deps, mount);
      deliveryRoutes(api, deps, mount);
      replayRoutes(api, deps, mount);
    }
  });
}
