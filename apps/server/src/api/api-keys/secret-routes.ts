import { Type } from 'typebox';
import { parseId, publicId } from '../../core/ids.ts';
import { newApiKey, openKey, storedKey } from '../../crypto/api-key.ts';
import { notFound, Problem } from '../../errors.ts';
import { readApiKey, replaceApiKey } from '../../store/api-key.ts';
import { recordChange } from '../../store/change.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Id } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentApiKey } from './presenter.ts';
import { ApiKeyWithKey, KeySchema } from './schema.ts';

const tags = ['API keys'];
const item = Type.Object({ id: Id('key') });

/** What shows a key itself. Both are in the audit log. */
export function apiKeySecretRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { directory } = deps;

  app.post(
    '/v1/api-keys/:id/reveal',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'revealApiKey',
        tags,
        summary: 'Show an API key again; noted in the audit log',
        description: '409 `key_not_revealable` for a key that was made before keys were kept: regenerate it.',
        params: item,
        response: { 200: KeySchema },
      },
    },
    async (request, reply) => {
      const id = parseId('key', request.params.id);
      const { environmentId } = request.caller;
      if (!id) throw notFound('API key');
      const dataKey = await directory.dataKey(environmentId);
      const outcome = await once(deps, request.caller, keyedCall(request, null), async (tx) => {
        const row = await readApiKey(tx, environmentId, id);
        if (!row) throw notFound('API key');
        if (!row.key) {
          throw new Problem('key_not_revealable', 'only the digest of this key is stored; regenerate it to get one');
        }
        await audit(tx, request, 'api_key.reveal', publicId('key', id), { name: row.name });
        return { status: 200, body: JSON.stringify({ key: openKey(dataKey, id, row.key) }) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.post(
    '/v1/api-keys/:id/regenerate',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'regenerateApiKey',
        tags,
        summary: 'Replace an API key; the old one stops working within 2 seconds everywhere',
        description: 'Name, scope, end and limit stay as they are.',
        params: item,
        response: { 200: ApiKeyWithKey },
      },
    },
    async (request, reply) => {
      const id = parseId('key', request.params.id);
      const { environmentId } = request.caller;
      if (!id) throw notFound('API key');
      const { environment } = await directory.environment(environmentId);
      const dataKey = await directory.dataKey(environmentId);
      const outcome = await once(deps, request.caller, keyedCall(request, null), async (tx) => {
        const key = newApiKey(environment.mode);
        const row = await replaceApiKey(tx, environmentId, id, storedKey(dataKey, id, key));
        if (!row) throw notFound('API key');
        await audit(tx, request, 'api_key.regenerate', publicId('key', id), { name: row.name });
        await recordChange(tx, { kind: 'api_key', id });
        return { status: 200, body: JSON.stringify({ ...presentApiKey(row), key }) };
      });
      directory.forget({ kind: 'api_key', id });
      return sendAnswer(reply, outcome);
    },
  );
}
