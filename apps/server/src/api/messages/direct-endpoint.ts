import { generateSecret } from '@postrider/webhook';
import { DEFAULT_TIMEOUT_SECONDS, type Endpoint } from '../../core/endpoint.ts';
import { newId, publicId } from '../../core/ids.ts';
import { seal } from '../../crypto/vault.ts';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { findDirectEndpoint, insertDirectEndpoint } from '../../store/direct-endpoint.ts';
import type { EndpointRow } from '../../store/endpoint.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';

type Asking = Parameters<typeof audit>[1];

/**
 * The direct endpoint of a URL: from memory, else as stored, else made. Of many who make it at once one does, and all get
 * that one. Nobody is told of a new one: there is nothing to forget, and who does not know it reads it by its id.
 *
 * @param url as the URL policy has let it by.
 * @param permit asked before one is made: what it throws ends the call, and nothing is left behind.
 */
export async function directEndpoint(
  deps: Pick<ApiDependencies, 'tenant' | 'directory'>,
  request: Asking,
  application: ApplicationEntry,
  url: string,
  permit: () => Promise<unknown>,
): Promise<Endpoint> {
  const known = application.direct.of(url);
  if (known) return known;
  const endpoint = await deps.directory.open(await storedEndpoint(deps, request, application, url, permit));
  application.direct.keep(endpoint);
  return endpoint;
}

async function storedEndpoint(
  { tenant, directory }: Pick<ApiDependencies, 'tenant' | 'directory'>,
  request: Asking,
  { id: applicationId, environmentId }: ApplicationEntry,
  url: string,
  permit: () => Promise<unknown>,
): Promise<EndpointRow> {
  const db = tenant(environmentId);
  // Again and again only where each time somebody else makes it and somebody deletes it.
  for (;;) {
    const found = await findDirectEndpoint(db, environmentId, applicationId, url);
    if (found) return found;
    await permit();
    const id = newId();
    const dataKey = await directory.dataKey(environmentId);
    const made = await db.transaction(async (tx) => {
      const row = await insertDirectEndpoint(tx, {
        id,
        environment_id: environmentId,
        application_id: applicationId,
        url,
        secret: seal(dataKey, id, 'endpoint_secret', generateSecret()),
        retry_policy: 'default',
        timeout_seconds: DEFAULT_TIMEOUT_SECONDS,
      });
      // Not its URL, which may be all that it takes to send there.
      if (row) await audit(tx, request, 'endpoint.create', publicId('ep', id), { by: 'send' });
      return row;
    });
    if (made) return made;
  }
}
