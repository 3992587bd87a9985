import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import { newId, publicId } from '../../core/ids.ts';
import { scopeAllows } from '../../core/scope.ts';
import { notFound, Problem } from '../../errors.ts';
import {
  type ApplicationRow,
  deleteApplication,
  findApplication,
  insertApplication,
  lockApplication,
  updateApplication,
} from '../../store/application.ts';
import { recordChange } from '../../store/change.ts';
import { hasSqlState, type Queryable, UNIQUE_VIOLATION } from '../../store/database.ts';
import { applicationRef } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { ApplicationPatch, NewApplication } from './schema.ts';

/** Who calls, and by which request: what the audit log wants to know. */
export type Asking = Pick<FastifyRequest, 'caller' | 'id'>;

/** What is done to applications, whichever surface asks for it; each in the audit log. */
export function storedApplications({ tenant, directory }: Pick<ApiDependencies, 'tenant' | 'directory'>) {
  return {
    /** The application that a path names. @throws Problem `not_found`. */
    async find(caller: Caller, appId: string): Promise<ApplicationRow> {
      const ref = applicationRef(appId);
      const row = ref && (await findApplication(tenant(caller.environmentId), caller.environmentId, ref));
      if (!row) throw notFound('application');
      return row;
    },

    /** @returns undefined where its uid is taken. @throws Problem `insufficient_scope`. */
    async insert(tx: Queryable, request: Asking, body: NewApplication): Promise<ApplicationRow | undefined> {
      mayLimit(request.caller, body, { plan: null, monthly_event_limit: null });
      const row = await insertApplication(tx, {
        id: newId(),
        environment_id: request.caller.environmentId,
        uid: body.uid ?? null,
        name: body.name,
        metadata: body.metadata ?? {},
        is_default: false,
        contact_email: body.contact_email ?? null,
        plan: body.plan ?? null,
        monthly_event_limit: body.monthly_event_limit ?? null,
        subscriptions: body.subscriptions ?? 'all',
      });
      if (row) await audit(tx, request, 'application.create', publicId('app', row.id));
      return row;
    },

    /** Applies a patch; what is left out stays. @throws Problem `already_exists`, `insufficient_scope` or `not_found`. */
    async change(request: Asking, row: ApplicationRow, patch: ApplicationPatch): Promise<ApplicationRow> {
      const updated = await tenant(row.environment_id)
        .transaction(async (tx) => {
          // Read again: what somebody else has just changed is not to be undone by what this leaves out.
          const was = await lockApplication(tx, row.environment_id, row.id);
          if (!was) return undefined;
          mayLimit(request.caller, patch, was);
          const changed = await updateApplication(tx, patched(was, patch));
          await audit(tx, request, 'application.update', publicId('app', row.id), { fields: Object.keys(patch) });
          await recordChange(tx, { kind: 'application', id: row.id });
          return changed;
        })
        .catch((error: unknown) => {
          throw hasSqlState(error, UNIQUE_VIOLATION) ? uidTaken(patch.uid) : error;
        });
      directory.forget({ kind: 'application', id: row.id });
      if (!updated) throw notFound('application');
      return updated;
    },

    /** Deletes it with its endpoints, and ends what is still due to them. @throws Problem `default_application`. */
    async remove(request: Asking, row: ApplicationRow): Promise<void> {
      if (row.is_default) {
        throw new Problem('default_application', 'every environment keeps its default application');
      }
      await tenant(row.environment_id).transaction(async (tx) => {
        // Of two who delete it at once, one did.
        if (!(await deleteApplication(tx, row.environment_id, row.id))) throw notFound('application');
        await audit(tx, request, 'application.delete', publicId('app', row.id), { name: row.name, uid: row.uid });
        await recordChange(tx, { kind: 'application', id: row.id });
      });
      directory.forget({ kind: 'application', id: row.id });
    },
  };
}

/** What an application may use is for whoever runs the environment to say. @throws Problem `insufficient_scope`. */
function mayLimit(
  { scope }: Caller,
  body: Pick<ApplicationPatch, 'plan' | 'monthly_event_limit'>,
  was: Pick<ApplicationRow, 'plan' | 'monthly_event_limit'>,
): void {
  const changed = (['plan', 'monthly_event_limit'] as const).find(
    (name) => body[name] !== undefined && body[name] !== was[name],
  );
  if (!changed || scopeAllows(scope, 'admin')) return;
  throw new Problem('insufficient_scope', `to change ${changed} needs a key of scope admin; this one has ${scope}`);
}

export function uidTaken(uid: string | null | undefined): Problem {
  return new Problem('already_exists', `another application has the uid ${uid}`);
}

function patched(row: ApplicationRow, patch: ApplicationPatch): ApplicationRow {
  return {
    ...row,
    uid: patch.uid === undefined ? row.uid : patch.uid,
    name: patch.name ?? row.name,
    metadata: patch.metadata ?? row.metadata,
    contact_email: patch.contact_email === undefined ? row.contact_email : patch.contact_email,
    plan: patch.plan === undefined ? row.plan : patch.plan,
    monthly_event_limit: patch.monthly_event_limit === undefined ? row.monthly_event_limit : patch.monthly_event_limit,
    subscriptions: patch.subscriptions ?? row.subscriptions,
  };
}
