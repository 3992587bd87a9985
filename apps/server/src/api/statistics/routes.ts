import { parseId, publicId, timeOf } from '../../core/ids.ts';
import { seriesOf, totalOf, type WindowName, windowOf } from '../../core/statistics-window.ts';
import { readBacklog } from '../../store/backlog.ts';
import { readFailing } from '../../store/failing.ts';
import { readLastTimes, readTallies } from '../../store/tally.ts';
import { applicationFilter, type Mount, pathOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { presentCircuit } from '../endpoints/presenter.ts';
import { EndpointIdParam } from '../endpoints/schema.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import type { ApiServer } from '../server.ts';
import { presentMetrics, presentSummary } from './presenter.ts';
import { MetricsQuery, MetricsSchema, StatsQuery, StatsSchema } from './schema.ts';

const tags = ['Statistics'];
const DEFAULT_WINDOW: WindowName = '24h';

export function endpointStatsRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { tenant, directory } = deps;
  const endpoints = storedEndpoints(deps);

  app.get(
    `${mount.prefix}/endpoints/:id/stats`,
    {
      config: { access: 'read' },
      schema: {
        operationId: `getEndpointStats${mount.isScoped ? 'OfApplication' : ''}`,
        tags,
        summary: 'What became of an endpoint’s deliveries, and how it is now; up to two seconds behind',
        params: pathOf(mount, { id: EndpointIdParam }),
        querystring: StatsQuery,
        response: { 200: StatsSchema },
      },
    },
    async ({ caller, params, query }) => {
      const row = await endpoints.find(caller, params);
      const name = query.window ?? DEFAULT_WINDOW;
      const { since } = windowOf(name, Date.now());
      const db = tenant(caller.environmentId);
      const [endpoint, tallies, backlog, last, failing] = await Promise.all([
        directory.open(row),
        readTallies(db, row.environment_id, row.application_id, row.id, since),
        readBacklog(db, row.environment_id, row.id),
        readLastTimes(db, row.environment_id, row.id),
        readFailing(db, row.environment_id, row.id),
      ]);
      return {
        endpoint_id: publicId('ep', row.id),
        window: name,
        since: new Date(since).toISOString(),
        ...presentSummary(totalOf(tallies)),
        pending: backlog.pending,
        oldest_pending_at: backlog.oldest && new Date(timeOf(backlog.oldest)).toISOString(),
        last_success_at: last.last_success_at?.toISOString() ?? null,
        last_failure_at: last.last_failure_at?.toISOString() ?? null,
        failing_since: failing?.since.toISOString() ?? null,
        circuit: presentCircuit(endpoint.circuit),
        status: endpoint.status,
        disabled_reason: endpoint.disabledReason,
      };
    },
  );
}

export function metricsRoutes(app: ApiServer, { tenant, directory }: ApiDependencies): void {
  app.get(
    '/v1/metrics',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getMetrics',
        tags,
        summary: 'Deliveries over time, of the environment, one application or one endpoint; up to two seconds behind',
        querystring: MetricsQuery,
        response: { 200: MetricsSchema },
      },
    },
    async ({ caller, query }) => {
      const name = query.window ?? DEFAULT_WINDOW;
      const window = windowOf(name, Date.now());
      const applicationId = await applicationFilter(directory, caller, query.application);
      const endpointId = query.endpoint_id === undefined ? undefined : parseId('ep', query.endpoint_id);
      // An id that cannot exist has no deliveries.
      if (endpointId === null) return presentMetrics(name, window, seriesOf(window, []));
      const subjectId = endpointId ?? applicationId ?? caller.environmentId;
      const rows = await readTallies(
        tenant(caller.environmentId),
        caller.environmentId,
        applicationId,
        subjectId,
        window.since,
      );
      return presentMetrics(name, window, seriesOf(window, rows));
    },
  );
}
