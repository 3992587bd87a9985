import { type Static, Type } from 'typebox';
import { CAPABILITIES, type Capability } from '../../core/portal.ts';
import { Problem } from '../../errors.ts';
import { endPortalSession } from '../../store/portal.ts';
import { applicationOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { createPortalLink, createPortalSession, revokePortal } from '../portal/links.ts';
import { Nullable, Strict, Text } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { onUse } from './application-on-use.ts';
import { ApplicationIn } from './applications.ts';
import { AppPath } from './schema.ts';

/**
 * What is allowed there, in our words. Whoever may manage endpoints there may see their secrets; to rotate one without
 * managing its endpoint is something that we have no capability for.
 */
const CAPABILITY = {
  ViewBase: ['view'],
  ViewEndpointSecret: ['reveal_secret'],
  ManageEndpointSecret: ['reveal_secret'],
  ManageTransformations: [],
  CreateAttempts: ['replay'],
  ManageEndpoint: ['manage_endpoints', 'reveal_secret'],
} as const satisfies Record<string, readonly Capability[]>;
type Theirs = keyof typeof CAPABILITY;

const HOUR = 3_600;
const WEEK = 7 * 24 * HOUR;

const Label = Text({ minLength: 1, maxLength: 256 });
const AccessIn = Strict({
  application: Type.Optional(Nullable(ApplicationIn)),
  readOnly: Type.Optional(Nullable(Type.Boolean())),
  capabilities: Type.Optional(
    Nullable(Type.Array(Type.Unsafe<Theirs>({ type: 'string', enum: Object.keys(CAPABILITY) }), { maxItems: 16 })),
  ),
  featureFlags: Type.Optional(Type.Array(Type.Never(), { maxItems: 0 })),
  expiry: Type.Optional(Nullable(Type.Integer({ minimum: HOUR, maximum: WEEK }))),
  sessionId: Type.Optional(Nullable(Label)),
});
const ExpireIn = Strict({
  expiry: Type.Optional(Nullable(Type.Integer({ minimum: 0, maximum: WEEK }))),
  sessionIds: Type.Optional(Type.Array(Label, { maxItems: 1_000 })),
});

/** Access to the portal: its token works at once, its link opens a session of its own. */
export function authentication(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const applicationOnUse = onUse(deps);

  app.post(
    '/auth/app-portal-access/:app_id',
    // As for a link of /v1: the token may show secrets.
    { config: { access: 'admin' }, schema: { hide: true, params: AppPath, body: AccessIn } },
    async (request, reply) => {
      const { body } = request;
      keyedCall(request, null);
      const { id } = await applicationOnUse(request, request.params.app_id, body.application);
      const wanted = {
        capabilities: capabilitiesOf(body),
        sessionSeconds: body.expiry ?? WEEK,
        label: body.sessionId ?? null,
      };
      const outcome = await once(deps, request.caller, keyedCall(request, id), async (tx) => {
        const { url } = await createPortalLink(deps, tx, request, id, wanted);
        const token = await createPortalSession(tx, request, id, wanted);
        return { status: 200, body: JSON.stringify({ url, token }) };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.post(
    '/auth/app/:app_id/expire-all',
    { config: { access: 'write' }, schema: { hide: true, params: AppPath, body: ExpireIn } },
    async (request, reply) => {
      const { expiry, sessionIds = [] } = request.body;
      const { id } = await applicationOf(directory, request.caller, request.params.app_id);
      const outcome = await once(deps, request.caller, keyedCall(request, id), async (tx) => {
        await revokePortal(tx, request, id, expiry ?? 0, sessionIds.length === 0 ? null : sessionIds);
        return { status: 204, body: '' };
      });
      return sendAnswer(reply, outcome);
    },
  );

  app.post('/auth/logout', { config: { access: 'portal' }, schema: { hide: true } }, async ({ caller }, reply) => {
    if (!caller.portal) throw new Problem('insufficient_scope', 'only a portal session has this to end');
    await endPortalSession(tenant(caller.environmentId), caller.environmentId, caller.portal.id);
    return reply.code(204).send(null);
  });
}

function capabilitiesOf({ readOnly, capabilities }: Static<typeof AccessIn>): readonly Capability[] {
  if (readOnly) return ['view'];
  return capabilities ? capabilities.flatMap((each) => CAPABILITY[each]) : CAPABILITIES;
}
