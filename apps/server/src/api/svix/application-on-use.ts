import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { notFound } from '../../errors.ts';
import { applicationOf, applicationRef } from '../application-scope.ts';
import { storedApplications } from '../applications/stored-applications.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { type ApplicationIn, withUid } from './applications.ts';

/**
 * Finds the application of a path, and makes it first where the body says how: after `checkFirst`, which rejects where the
 * call must not leave one behind. It throws Problem `not_found`.
 */
export function onUse(deps: Pick<ApiDependencies, 'tenant' | 'directory'>) {
  const { tenant, directory } = deps;
  const stored = storedApplications(deps);

  return async (
    request: Pick<FastifyRequest, 'caller' | 'id'>,
    appId: string,
    body: Static<typeof ApplicationIn> | null | undefined,
    checkFirst: () => Promise<void> = async () => {},
  ): Promise<ApplicationEntry> => {
    const { environmentId } = request.caller;
    const ref = applicationRef(appId);
    const known = ref && (await directory.application(environmentId, ref));
    if (known) return known;
    if (!body || ref?.by !== 'uid') throw notFound('application');
    const { throttleRate: _, ...wanted } = withUid(ref.uid, body, '/application/uid');
    await checkFirst();
    // Somebody else may be making it too: then theirs is the one.
    await tenant(environmentId).transaction((tx) => stored.insert(tx, request, wanted));
    return applicationOf(directory, request.caller, appId);
  };
}
