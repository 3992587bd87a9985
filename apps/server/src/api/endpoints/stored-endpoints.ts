import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import { parseId, publicId } from '../../core/ids.ts';
import { invalidFields, notFound, Problem } from '../../errors.ts';
import { recordChange } from '../../store/change.ts';
import { hasSqlState, type Queryable, UNIQUE_VIOLATION } from '../../store/database.ts';
import {
  countEndpoints,
  deleteEndpoint,
  type EndpointRow,
  type EndpointSettings,
  insertEndpoint,
  lockEndpoint,
  readEndpoint,
  readEndpointByUid,
  updateEndpoint,
} from '../../store/endpoint.ts';
import { forgetFailing } from '../../store/failing.ts';
import { letLaneGo, lookAtLaneAnew, pauseLane } from '../../store/lane.ts';
import { applicationFilter, applicationOf, type ScopedPath } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { ENDPOINT_UID_PATTERN } from './schema.ts';

export type EndpointPath = ScopedPath & { id: string };

type EndpointRef = Pick<EndpointRow, 'id' | 'environment_id' | 'application_id'>;

/** Of one customer: each message may go to all of them, in one statement. */
export const MAX_ENDPOINTS = 1_000;

const UID = new RegExp(ENDPOINT_UID_PATTERN);

/** Finds and changes the endpoint that a path names. All throw Problem `not_found`. */
export function storedEndpoints({ tenant, directory }: Pick<ApiDependencies, 'tenant' | 'directory'>) {
  return {
    async find(caller: Caller, path: EndpointPath): Promise<EndpointRow> {
      const { environmentId } = caller;
      const db = tenant(environmentId);
      let row: EndpointRow | undefined;
      if (path.id.startsWith('ep_')) {
        const id = parseId('ep', path.id);
        const applicationId = await applicationFilter(directory, caller, path.app_id);
        row = id ? await readEndpoint(db, environmentId, applicationId, id) : undefined;
      } else if (UID.test(path.id)) {
        const application = await applicationOf(directory, caller, path.app_id);
        row = await readEndpointByUid(db, environmentId, application.id, path.id);
      }
      if (!row) throw notFound('endpoint');
      return row;
    },

    /** @throws Problem `already_exists` where its uid is another's; `validation_failed` where there are too many. */
    async insert(tx: Queryable, row: EndpointSettings): Promise<EndpointRow> {
      if ((await countEndpoints(tx, row.environment_id, row.application_id, MAX_ENDPOINTS)) >= MAX_ENDPOINTS) {
        throw invalidFields([
          { path: '/', message: `the application has ${MAX_ENDPOINTS} endpoints, the most there may be` },
        ]);
      }
      const stored = await insertEndpoint(tx, row).catch((error: unknown) => {
        throw takenOr(error, row);
      });
      await recordChange(tx, { kind: 'application', id: row.application_id });
      return stored;
    },

    /** Reads, changes and writes under a row lock, so that two changes at once both count; tells lane and caches. */
    async change(tx: Queryable, ref: EndpointRef, apply: (row: EndpointRow) => EndpointRow): Promise<EndpointRow> {
      const row = await lockEndpoint(tx, ref.environment_id, ref.application_id, ref.id);
      if (!row) throw notFound('endpoint');
      const wanted = apply(row);
      const changed = await updateEndpoint(tx, wanted).catch((error: unknown) => {
        throw takenOr(error, wanted);
      });
      if (!changed) throw notFound('endpoint');
      await adjustLane(tx, row, changed);
      // Enabled, resumed or sent elsewhere: how it failed before says nothing of what comes.
      if (row.status !== changed.status || isElsewhere(row, changed)) await forgetFailing(tx, [changed.id]);
      await recordChange(tx, { kind: 'application', id: changed.application_id });
      return changed;
    },

    /** Deletes it; its lane is let go, so that deliveries which are still due to it end. */
    async remove(request: Pick<FastifyRequest, 'caller' | 'id'>, row: EndpointRow): Promise<void> {
      await tenant(row.environment_id).transaction(async (tx) => {
        // Of two who delete it at once, one did.
        if (!(await deleteEndpoint(tx, row.environment_id, row.application_id, row.id))) throw notFound('endpoint');
        await letLaneGo(tx, row.id);
        await audit(tx, request, 'endpoint.delete', publicId('ep', row.id), { uid: row.uid });
        await recordChange(tx, { kind: 'application', id: row.application_id });
      });
      directory.forget({ kind: 'application', id: row.application_id });
    },
  };
}

function isElsewhere(before: EndpointRow, after: EndpointRow): boolean {
  if (before.url !== after.url) return true;
  return before.config !== null && after.config !== null && !before.config.equals(after.config);
}

function takenOr(error: unknown, { uid, is_direct }: EndpointSettings & { is_direct?: boolean }): unknown {
  if (!hasSqlState(error, UNIQUE_VIOLATION)) return error;
  const url = is_direct ? ', or is the direct one of this URL' : '';
  return new Problem('already_exists', `another endpoint of this application has the uid ${uid}${url}`);
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
