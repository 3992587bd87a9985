import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import type { PortalSession } from '../../core/portal.ts';
import type { Directory } from '../../directory/directory.ts';
import { notFound, Problem } from '../../errors.ts';
import { applicationRef } from '../application-scope.ts';
import { PORTAL_ROUTES } from './allowed.ts';

/** Where sessions are looked up. */
export interface SessionSource {
  find(token: string): Promise<PortalSession | null>;
}

/** The token of a portal session in an authorization header; null where it carries something else. */
export function portalTokenIn(authorization: string | undefined): string | null {
  return (authorization && /^bearer +(prs_\S+)$/i.exec(authorization)?.[1]) ?? null;
}

/** @throws Problem `unauthenticated`. */
export async function openSession(sessions: SessionSource, token: string): Promise<PortalSession> {
  const session = await sessions.find(token);
  if (!session) throw new Problem('unauthenticated', 'this portal session has ended');
  return session;
}

/**
 * Who calls with a portal session, if it may call this route of this application.
 *
 * @throws Problem `insufficient_scope`, or `not_found` for another application.
 */
export async function admitSession(
  session: PortalSession,
  directory: Pick<Directory, 'application'>,
  request: FastifyRequest,
): Promise<Caller> {
  const needed = PORTAL_ROUTES.get(`${request.method} ${request.routeOptions.url}`);
  if (needed === undefined) throw new Problem('insufficient_scope', 'a portal session may not call this');
  if (needed !== 'own') {
    if (!session.capabilities.includes(needed)) {
      throw new Problem('insufficient_scope', `this portal session may not ${needed}`);
    }
    const { app_id } = request.params as { app_id?: string };
    const ref = app_id === undefined ? null : applicationRef(app_id);
    const application = ref && (await directory.application(session.environmentId, ref));
    if (application?.id !== session.applicationId) throw notFound('application');
  }
  return { keyId: session.id, environmentId: session.environmentId, scope: 'read', portal: session };
}
