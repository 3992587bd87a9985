import type { FastifyRequest } from 'fastify';
import { newId, publicId, type Uuid } from '../../core/ids.ts';
import { CAPABILITIES, type Capability, LINK_SECONDS, SESSION_SECONDS, withView } from '../../core/portal.ts';
import { newPortalToken, portalDigest } from '../../crypto/portal-token.ts';
import type { Queryable } from '../../store/database.ts';
import { endPortalSessions, insertPortalLink, insertPortalSession, type Theme } from '../../store/portal.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';

/** A link as it is asked for; what is left out is as usual. */
export interface WantedLink {
  readonly expires_in?: number;
  readonly capabilities?: readonly Capability[];
  readonly theme?: Theme;
  readonly return_url?: string;
  readonly sessionSeconds?: number;
  readonly label?: string | null;
}

/** Makes a link into the portal of an application. The code is in its fragment, which no server and no log gets to see. */
export async function createPortalLink(
  { publicUrl }: Pick<ApiDependencies, 'publicUrl'>,
  tx: Queryable,
  request: Pick<FastifyRequest, 'caller' | 'id'>,
  applicationId: Uuid,
  wanted: WantedLink = {},
): Promise<{ url: string; code: string; expiresAt: Date }> {
  const code = newPortalToken('link');
  const capabilities = withView(wanted.capabilities ?? CAPABILITIES);
  const expiresAt = await insertPortalLink(tx, {
    id: newId(),
    environmentId: request.caller.environmentId,
    applicationId,
    digest: portalDigest(code),
    capabilities,
    theme: wanted.theme ?? null,
    returnUrl: wanted.return_url ?? null,
    label: wanted.label ?? null,
    sessionSeconds: wanted.sessionSeconds ?? SESSION_SECONDS,
    seconds: wanted.expires_in ?? LINK_SECONDS.unlessTold,
  });
  await audit(tx, request, 'portal.create_link', publicId('app', applicationId), { capabilities });
  return { url: `${publicUrl()}/portal#${code}`, code, expiresAt };
}

/** A session without a link: for a producer that hands its token on itself. */
export async function createPortalSession(
  tx: Queryable,
  { caller: { environmentId } }: Pick<FastifyRequest, 'caller'>,
  applicationId: Uuid,
  { capabilities = CAPABILITIES, sessionSeconds: seconds = SESSION_SECONDS, label = null }: WantedLink,
): Promise<string> {
  const token = newPortalToken('session');
  await insertPortalSession(tx, {
    ...{ id: newId(), environmentId, applicationId, digest: portalDigest(token) },
    ...{ capabilities: withView(capabilities), label, seconds },
  });
  return token;
}

/** Ends what is open of an application's portal, and the links that would open more. */
export async function revokePortal(
  tx: Queryable,
  request: Pick<FastifyRequest, 'caller' | 'id'>,
  applicationId: Uuid,
  seconds?: number,
  labels?: readonly string[] | null,
): Promise<void> {
  await endPortalSessions(tx, request.caller.environmentId, applicationId, seconds, labels);
  await audit(tx, request, 'portal.revoke_sessions', publicId('app', applicationId));
}
