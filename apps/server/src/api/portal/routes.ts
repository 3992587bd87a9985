import { Type } from 'typebox';
import { publicId } from '../../core/ids.ts';
import { Problem } from '../../errors.ts';
import { endPortalSession } from '../../store/portal.ts';
import { AppIdParam, applicationOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import type { ApiServer } from '../server.ts';
import { createPortalLink, revokePortal } from './links.ts';
import { DashboardAccess, NewPortalLink, OpenedPortalSession, PortalLink, SessionRequest } from './schema.ts';

const tags = ['Portal'];
const item = Type.Object({ app_id: AppIdParam });

export function portalRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;

  app.post(
    '/v1/app/:app_id/portal',
    {
      // A link shows secrets, unless told otherwise: it takes who may see them.
      config: { access: 'admin' },
      schema: {
        operationId: 'createPortalLink',
        tags,
        summary: 'Make a link by which a customer opens the portal of their application',
        description:
          'The link can be used once, within minutes. It opens a session of eight hours that may do with this application ' +
          'what the capabilities say, and nothing else.',
        params: item,
        body: NewPortalLink,
        response: { 201: PortalLink },
      },
    },
    async (request, reply) => {
      const application = await applicationOf(directory, request.caller, request.params.app_id);
      const outcome = await once(deps, request.caller, keyedCall(request, application.id), async (tx) => {
        const { url, expiresAt } = await createPortalLink(deps, tx, request, application.id, request.body);
        return { status: 201, body: JSON.stringify({ url, expires_at: expiresAt.toISOString() }) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    '/v1/app/:app_id/dashboard-access',
    {
      config: { access: 'admin' },
      schema: {
        operationId: 'getDashboardAccess',
        tags,
        summary: 'Make a link into the portal, with its code apart',
        params: item,
        response: { 200: DashboardAccess },
      },
    },
    async (request) => {
      const { id } = await applicationOf(directory, request.caller, request.params.app_id);
      const { url, code } = await tenant(request.caller.environmentId).transaction((tx) =>
        createPortalLink(deps, tx, request, id),
      );
      return { url, token: code };
    },
  );

  app.delete(
    '/v1/app/:app_id/portal/sessions',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'revokePortalSessions',
        tags,
        summary: 'End all portal sessions of an application, at once; links into it end too',
        params: item,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = await applicationOf(directory, request.caller, request.params.app_id);
      await tenant(request.caller.environmentId).transaction((tx) => revokePortal(tx, request, id));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/portal/session',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'openPortalSession',
        tags,
        summary: 'Exchange the code of a link for a session',
        description: 'Works once for each link. There is no key to send: the code is what lets in.',
        body: SessionRequest,
        response: { 201: OpenedPortalSession },
      },
    },
    async (request, reply) => {
      const { token, applicationId, link, expiresAt } = await deps.portal.open(request.body.code);
      return reply.code(201).send({
        token,
        app_id: publicId('app', applicationId),
        capabilities: link.capabilities,
        theme: link.theme,
        return_url: link.return_url,
        expires_at: expiresAt.toISOString(),
      });
    },
  );

  app.delete(
    '/v1/portal/session',
    {
      config: { access: 'portal' },
      schema: {
        operationId: 'closePortalSession',
        tags,
        summary: 'End the portal session that this is called with',
        response: { 204: Type.Null() },
      },
    },
    async ({ caller }, reply) => {
      if (!caller.portal) throw new Problem('insufficient_scope', 'only a portal session has this to end');
      await endPortalSession(tenant(caller.environmentId), caller.environmentId, caller.portal.id);
      return reply.code(204).send(null);
    },
  );
}
