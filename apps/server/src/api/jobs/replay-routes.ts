import { parseId, type Uuid } from '../../core/ids.ts';
import { invalidFields, Problem } from '../../errors.ts';
import { applicationFilter, type Mount, pathOf, type ScopedPath } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { EndpointIdParam } from '../endpoints/schema.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import type { ApiServer } from '../server.ts';
import { createReplayer } from './replaying.ts';
import { DeliveriesReplay, EndpointReplay, Matched, ReplayStarted } from './schema.ts';

/** Sending again what has ended: by filter, and by endpoint and time. Both only start a job. */
export function replayRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const replay = createReplayer(deps);
  const endpoints = storedEndpoints(deps);
  const operation = (name: string) => (mount.isScoped ? `${name}OfApplication` : name);
  const response = { 200: Matched, 202: ReplayStarted };

  app.post(
    `${mount.prefix}/deliveries/replay`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('replayDeliveries'),
        tags: ['Deliveries'],
        summary: 'Send again all deliveries that match',
        description:
          'Makes a job. Deliveries keep their attempt numbers and their `webhook-id`, and wait their turn like retries. ' +
          'What is paused, limited or behind an open circuit stays held; what goes to a disabled or deleted endpoint is ' +
          'counted in the job’s `errors`.',
        params: pathOf(mount, {}),
        // The one without `application` takes less, and what it takes is of the other's type.
        body: (mount.isScoped ? DeliveriesReplay.scoped : DeliveriesReplay.any) as typeof DeliveriesReplay.any,
        response,
      },
    },
    async (request, reply) => {
      const { application, endpoint_id, event_type: eventType, status = 'FAILED', since, until } = request.body.filter;
      const named = (request.params as ScopedPath).app_id ?? application;
      const applicationId = await applicationFilter(deps.directory, request.caller, named);
      if (status !== 'FAILED' && status !== 'SENT') {
        throw invalidFields([{ path: '/filter/status', message: `must be FAILED or SENT: ${status} has not ended` }]);
      }
      const endpointId = endpoint_id === undefined ? null : endpointIn(endpoint_id);
      return replay(request, reply, {
        filter: {
          statuses: [status],
          ...(applicationId && { applicationId }),
          ...(endpointId && { endpointId }),
          ...(eventType !== undefined && { eventType }),
        },
        since,
        until,
        dry_run: request.body.dry_run,
      });
    },
  );

  app.post(
    `${mount.prefix}/endpoints/:id/replay`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('replayEndpoint'),
        tags: ['Endpoints'],
        summary: 'Send again what this endpoint failed to take in a time',
        description: 'Makes a job, as `POST /v1/deliveries/replay` does.',
        params: pathOf(mount, { id: EndpointIdParam }),
        body: EndpointReplay,
        response,
      },
    },
    async (request, reply) => {
      const { since, until, only_failed: isFailedOnly = true, dry_run } = request.body;
      const endpoint = await endpoints.find(request.caller, request.params);
      if (endpoint.status === 'disabled') throw new Problem('endpoint_not_active', 'enable the endpoint, then replay');
      return replay(request, reply, {
        filter: {
          statuses: isFailedOnly ? ['FAILED'] : ['FAILED', 'SENT'],
          applicationId: endpoint.application_id,
          endpointId: endpoint.id,
        },
        since,
        until,
        dry_run,
      });
    },
  );
}

function endpointIn(text: string): Uuid {
  const id = parseId('ep', text);
  if (!id) throw invalidFields([{ path: '/filter/endpoint_id', message: 'must be an endpoint id, ep_…' }]);
  return id;
}
