import { Type } from 'typebox';
import { totalOf } from '../../core/statistics-window.ts';
import { countUnderWay, readBacklog } from '../../store/backlog.ts';
import { readTallies } from '../../store/tally.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { EndpointPath } from './schema.ts';

/** What Svix looks back by, unless told otherwise. Statistics are kept for 31. */
const DEFAULT_DAYS = 28;

const Times = Strict({
  since: Type.Optional(Type.String({ format: 'date-time' })),
  until: Type.Optional(Type.String({ format: 'date-time' })),
});

export function endpointStats(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const endpoints = storedEndpoints(deps);

  app.get(
    '/app/:app_id/endpoint/:endpoint_id/stats',
    { config: { access: 'read' }, schema: { hide: true, params: EndpointPath, querystring: Times } },
    async ({ caller, params, query }) => {
      const { environmentId } = caller;
      const { id, application_id } = await endpoints.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      const since = query.since ? Date.parse(query.since) : deps.now() - DEFAULT_DAYS * 86_400_000;
      const until = query.until ? Date.parse(query.until) : Number.POSITIVE_INFINITY;
      const db = tenant(environmentId);
      const [tallies, backlog, sending] = await Promise.all([
        readTallies(db, environmentId, application_id, id, since),
        readBacklog(db, environmentId, id),
        countUnderWay(db, environmentId, id),
      ]);
      const { sent, failed } = totalOf(tallies.filter(({ at }) => at < until));
      return { success: sent, pending: backlog.pending, sending, fail: failed, canceled: 0 };
    },
  );
}
