import { Type } from 'typebox';
import { newId, parseId, publicId, type Uuid } from '../../core/ids.ts';
import { newApiKey, storedKey } from '../../crypto/api-key.ts';
import { notFound, Problem } from '../../errors.ts';
import {
  deleteApiKey,
  insertApiKey,
  listApiKeys,
  lockAdminKeys,
  lockApiKey,
  readApiKey,
  updateApiKey,
} from '../../store/api-key.ts';
import { recordChange } from '../../store/change.ts';
import type { Queryable } from '../../store/database.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { Id, ListOf, PageQuery, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentApiKey } from './presenter.ts';
import { ApiKeyPatch, ApiKeySchema, ApiKeyWithKey, NewApiKey } from './schema.ts';
import { settingsFrom } from './settings.ts';

const tags = ['API keys'];
const item = Type.Object({ id: Id('key') });

export function apiKeyRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory, now } = deps;

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
        response: { 201: ApiKeyWithKey },
      },
    },
    async (request, reply) => {
      const { body, caller } = request;
      const { environmentId } = caller;
      const { environment } = await directory.environment(environmentId);
      const dataKey = await directory.dataKey(environmentId);
      const none = { expires_at: null, rate_limit: null };
      const settings = settingsFrom(body, none, { plan: environment.plan, now: now() });
      const outcome = await once(deps, caller, keyedCall(request, null), async (tx) => {
        const id = newId();
        const key = newApiKey(environment.mode);
        const row = await insertApiKey(tx, {
          id,
          environmentId,
          name: body.name,
          scope: body.scope,
          ...storedKey(dataKey, id, key),
          ...settings,
        });
        if (!row) throw new Error('a new API key exists already');
        await audit(tx, request, 'api_key.create', publicId('key', id), { name: row.name, scope: row.scope });
        await recordChange(tx, { kind: 'api_key', id });
        return { status: 201, body: JSON.stringify({ ...presentApiKey(row), key }) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    '/v1/api-keys/:id',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'getApiKey',
        tags,
        summary: 'Read an API key; the key itself is shown by reveal',
        params: item,
        response: { 200: ApiKeySchema },
      },
    },
    async (request) => {
      const id = parseId('key', request.params.id);
      const { environmentId } = request.caller;
      const row = id && (await readApiKey(tenant(environmentId), environmentId, id));
      if (!row) throw notFound('API key');
      return presentApiKey(row);
    },
  );

  app.patch(
    '/v1/api-keys/:id',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'updateApiKey',
        tags,
        summary: 'Change an API key; what is left out stays',
        description: 'The last admin key of an environment that works cannot be given an end.',
        params: item,
        body: ApiKeyPatch,
        response: { 200: ApiKeySchema },
      },
    },
    async (request) => {
      const { body } = request;
      const { environmentId } = request.caller;
      const id = parseId('key', request.params.id);
      if (!id) throw notFound('API key');
      const { plan } = (await directory.environment(environmentId)).environment;
      const row = await tenant(environmentId).transaction(async (tx) => {
        if (body.expires_at) await leaveAnAdmin(tx, environmentId, id);
        const was = await lockApiKey(tx, environmentId, id);
        if (!was) throw notFound('API key');
        const settings = settingsFrom(body, was, { plan, now: now() });
        const changed = await updateApiKey(tx, { ...was, name: body.name ?? was.name, ...settings });
        await audit(tx, request, 'api_key.update', publicId('key', id), { fields: Object.keys(body) });
        await recordChange(tx, { kind: 'api_key', id });
        return changed;
      });
      directory.forget({ kind: 'api_key', id });
      if (!row) throw notFound('API key');
      return presentApiKey(row);
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
        description: 'The last admin key of an environment that works stays: nobody could make another.',
        params: item,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const id = parseId('key', request.params.id);
      const { environmentId } = request.caller;
      if (!id) throw notFound('API key');
      await tenant(environmentId).transaction(async (tx) => {
        await leaveAnAdmin(tx, environmentId, id);
        const row = await lockApiKey(tx, environmentId, id);
        if (!row) throw notFound('API key');
        await deleteApiKey(tx, environmentId, id);
        await audit(tx, request, 'api_key.delete', publicId('key', id), { name: row.name, scope: row.scope });
        await recordChange(tx, { kind: 'api_key', id });
      });
      directory.forget({ kind: 'api_key', id });
      return reply.code(204).send(null);
    },
  );

  /** @throws Problem `last_admin_key` where this is the only key by which the environment can be administered. */
  async function leaveAnAdmin(tx: Queryable, environmentId: Uuid, id: Uuid): Promise<void> {
    const admins = await lockAdminKeys(tx, environmentId, new Date(now()));
    if (admins.length !== 1 || admins[0] !== id) return;
    throw new Problem('last_admin_key', 'this is the last admin key of its environment that works; make another first');
  }
}
