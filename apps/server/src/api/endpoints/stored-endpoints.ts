import type { Caller } from '../../auth/authenticate.ts';
import { parseId } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import { recordChange } from '../../store/change.ts';
import type { Queryable } from '../../store/database.ts';
import { type EndpointRow, lockEndpoint, readEndpoint, updateEndpoint } from '../../store/endpoint.ts';
import { forgetFailing } from '../../store/failing.ts';
import { letLaneGo, lookAtLaneAnew, pauseLane } from '../../store/lane.ts';
import { applicationFilter, type ScopedPath } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';

export type EndpointPath = ScopedPath & { id: string };

/** Finds and changes the endpoint that a path names. Both throw Problem `not_found`. */
export function storedEndpoints({ tenant, directory }: Pick<ApiDependencies, 'tenant' | 'directory'>) {
  return {
    async find(caller: Caller, path: EndpointPath): Promise<EndpointRow> {
      const id = parseId('ep', path.id);
      const applicationId = await applicationFilter(directory, caller, path.app_id);
      const row = id && (await readEndpoint(tenant(caller.environmentId), caller.environmentId, applicationId, id));
      if (!row) throw notFound('endpoint');
      return row;
    },

    /** Reads, changes and writes under a row lock, so that two changes at once both count; tells lane and caches. */
    async change(
      tx: Queryable,
      caller: Caller,
      path: EndpointPath,
      apply: (row: EndpointRow) => EndpointRow,
    ): Promise<EndpointRow> {
      const id = parseId('ep', path.id);
      const row = id && (await lockEndpoint(tx, caller.environmentId, null, id));
      const changed = row && (await updateEndpoint(tx, apply(row)));
      if (!changed) throw notFound('endpoint');
      await adjustLane(tx, row, changed);
      // Enabled, resumed or sent elsewhere: how it failed before says nothing of what comes.
      if (row.status !== changed.status || row.url !== changed.url) await forgetFailing(tx, [changed.id]);
      await recordChange(tx, { kind: 'application', id: changed.application_id });
      return changed;
    },
  };
}

/** The lane follows its endpoint: held while paused, let go when that ends, looked at anew under other limits. */
async function adjustLane(tx: Queryable, before: EndpointRow, after: EndpointRow): Promise<void> {
  if (before.status !== after.status) {
    await (after.status === 'paused' ? pauseLane(tx, after.id) : letLaneGo(tx, after.id));
  }
  const isGovernedAnew =
    before.rate_limit !== after.rate_limit ||
    before.max_in_flight !== after.max_in_flight ||
    before.ordering !== after.ordering;
  if (isGovernedAnew) await lookAtLaneAnew(tx, after.id);
}
