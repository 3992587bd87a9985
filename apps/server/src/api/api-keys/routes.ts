import { Type } from 'typebox';
import { newId, parseId, publicId } from '../../core/ids.ts';
import { SCOPES } from '../../core/scope.ts';
import { apiKeyDigest, newApiKey } from '../../crypto/api-key.ts';
import { notFound } from '../../errors.ts';
import { type ApiKeyRow, deleteApiKey, insertApiKey, listApiKeys } from '../../store/api-key.ts';
import { recordChange } from '../../store/change.ts';
import { readEnvironment } from '../../store/environment.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { Id, ListOf, PageQuery, Strict, Text, Timestamp } from '../schema.ts';
import type { ApiServer } from '../server.ts';

const tags = ['API keys'];

const ScopeSchema = Type.Unsafe<(typeof SCOPES)[number]>({
  type: 'string',
  enum: [...SCOPES],
  description: 'read < write < admin, each includes the ones before it',
});

const ApiKeySchema = Type.Object({
  id: Id('key'),
  name: Type.String(),
  scope: ScopeSchema,
  last4: Type.String(),
  created_at: Timestamp,
});
const CreatedApiKey = Type.Object({
  ...ApiKeySchema.properties,
  key: Type.String({ description: 'The key itself. Shown here once' }),
});
const NewApiKey = Strict({ name: Text({ minLength: 1, maxLength: 128 }), scope: ScopeSchema });

export function apiKeyRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;

  app.get(
    '/v1/api-keys',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'listApiKeys',
        tags,
        summary: 'List API keys',
        querystring: Strict(PageQuery),
        response: { 200: ListOf(ApiKeySchema) },
      },
    },
    async (request) => {
      const rows = await listApiKeys(
        tenant(request.caller.environmentId),
        request.caller.environmentId,
        pageFrom('key', request.query),
      );
      return listAnswer('key', request.query, rows, presentApiKey);
    },
  );

  app.post(
    '/v1/api-keys',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'createApiKey',
        tags,
        summary: 'Create an API key',
        body: NewApiKey,
        response: { 201: CreatedApiKey },
      },
    },
    async (request, reply) => {
      const { environmentId } = request.caller;
      const environment = await readEnvironment(tenant(environmentId), environmentId);
      if (!environment) throw notFound('environment');
      const outcome = await once(deps, request.caller, keyedCall(request, null), async (tx) => {
        const key = newApiKey(environment.mode);
        const row = await insertApiKey(tx, {
          id: newId(),
          environmentId,
          name: request.body.name,
          scope: request.body.scope,
          digest: apiKeyDigest(key),
          last4: key.slice(-4),
        });
        if (!row) throw new Error('a new API key exists already');
        await recordChange(tx, { kind: 'api_key', id: row.id });
        return { status: 201, body: JSON.stringify({ ...presentApiKey(row), key }) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.delete(
    '/v1/api-keys/:id',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'deleteApiKey',
        tags,
        summary: 'Revoke an API key; it stops working within 2 seconds everywhere',
        params: Type.Object({ id: Id('key') }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const id = parseId('key', request.params.id);
      const { environmentId } = request.caller;
      const isGone =
        id &&
        (await tenant(environmentId).transaction(async (tx) => {
          if (!(await deleteApiKey(tx, environmentId, id))) return false;
          await recordChange(tx, { kind: 'api_key', id });
          return true;
        }));
      if (!isGone) throw notFound('API key');
      directory.forget({ kind: 'api_key', id });
      return reply.code(204).send(null);
    },
  );
}

function presentApiKey(row: ApiKeyRow) {
  return {
    id: publicId('key', row.id),
    name: row.name,
    scope: row.scope,
    last4: row.last4,
    created_at: row.created_at.toISOString(),
  };
}
