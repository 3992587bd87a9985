import type { Capability } from '../../core/portal.ts';
import { SVIX_MOUNT } from '../svix/mount.ts';

/**
 * All that a portal session may call, and what it takes. Whatever is not here is refused. Every path that is of
 * anybody names an application, which must be the session's.
 */

const APP = '/v1/app/:app_id';
const SVIX_APP = `${SVIX_MOUNT}/app/:app_id`;

const BY_CAPABILITY: Readonly<Record<Capability, readonly string[]>> = {
  // Not the application itself: its metadata is what the producer notes about this customer.
  view: [
    `GET ${APP}/event-subscriptions`,
    `GET ${APP}/statistics`,
    `GET ${APP}/endpoints`,
    `GET ${APP}/endpoints/:id`,
    `GET ${APP}/endpoints/:id/stats`,
    `GET ${APP}/messages`,
    `GET ${APP}/messages/:id`,
    `GET ${APP}/deliveries`,
    `GET ${APP}/deliveries/:id`,
    `GET ${APP}/deliveries/:id/attempts`,
    `GET ${SVIX_APP}/endpoint`,
    `GET ${SVIX_APP}/endpoint/:endpoint_id`,
    `GET ${SVIX_APP}/endpoint/:endpoint_id/headers`,
    `GET ${SVIX_APP}/endpoint/:endpoint_id/stats`,
    `GET ${SVIX_APP}/endpoint/:endpoint_id/msg`,
    `GET ${SVIX_APP}/msg`,
    `GET ${SVIX_APP}/msg/:msg_id`,
    `GET ${SVIX_APP}/msg/:msg_id/endpoint`,
    `GET ${SVIX_APP}/msg/:msg_id/attempt/:attempt_id`,
    `GET ${SVIX_APP}/attempt/endpoint/:endpoint_id`,
    `GET ${SVIX_APP}/attempt/msg/:msg_id`,
  ],
  manage_endpoints: [
    `POST ${APP}/endpoints`,
    `PATCH ${APP}/endpoints/:id`,
    `DELETE ${APP}/endpoints/:id`,
    `POST ${APP}/endpoints/:id/pause`,
    `POST ${APP}/endpoints/:id/resume`,
    `POST ${APP}/endpoints/:id/enable`,
    `POST ${APP}/endpoints/:id/test`,
    `POST ${APP}/endpoints/:id/secret/rotate`,
    `POST ${SVIX_APP}/endpoint`,
    `PUT ${SVIX_APP}/endpoint/:endpoint_id`,
    `PATCH ${SVIX_APP}/endpoint/:endpoint_id`,
    `DELETE ${SVIX_APP}/endpoint/:endpoint_id`,
    `PUT ${SVIX_APP}/endpoint/:endpoint_id/headers`,
    `PATCH ${SVIX_APP}/endpoint/:endpoint_id/headers`,
    `POST ${SVIX_APP}/endpoint/:endpoint_id/secret/rotate`,
    `POST ${SVIX_APP}/endpoint/:endpoint_id/send-example`,
  ],
  replay: [
    `POST ${APP}/deliveries/:id/retry`,
    `POST ${APP}/deliveries/replay`,
    `POST ${APP}/endpoints/:id/replay`,
    `POST ${SVIX_APP}/endpoint/:endpoint_id/recover`,
    `POST ${SVIX_APP}/endpoint/:endpoint_id/bulk-replay`,
    `POST ${SVIX_APP}/msg/:msg_id/endpoint/:endpoint_id/resend`,
  ],
  reveal_secret: [`GET ${APP}/endpoints/:id/secret`, `GET ${SVIX_APP}/endpoint/:endpoint_id/secret`],
};

/** The session itself, and what is the same for everybody. */
const OWN = ['DELETE /v1/portal/session', `POST ${SVIX_MOUNT}/auth/logout`, 'GET /v1/destination-types'];

/** What a session needs for a route, by method and path: a capability, or nothing but to be one. */
export const PORTAL_ROUTES: ReadonlyMap<string, Capability | 'own'> = new Map<string, Capability | 'own'>([
  ...Object.entries(BY_CAPABILITY).flatMap(([capability, routes]) =>
    routes.map((route) => [route, capability as Capability] as const),
  ),
  ...OWN.map((route) => [route, 'own'] as const),
]);
