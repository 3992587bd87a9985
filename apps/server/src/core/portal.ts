import type { Uuid } from './ids.ts';

/**
 * What a customer's people may do in the portal with their own application.
 *
 * - `view`: read endpoints, messages, deliveries and attempts
 * - `manage_endpoints`: create, change, test and delete endpoints, and rotate their secrets
 * - `replay`: send again
 * - `reveal_secret`: see signing secrets
 */
export const CAPABILITIES = ['view', 'manage_endpoints', 'replay', 'reveal_secret'] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** Somebody who came in by a link: bound to one application and to what the link allowed. */
export interface PortalSession {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly capabilities: readonly Capability[];
}

/** Who may come in may look round. In the order of CAPABILITIES, each once. */
export function withView(capabilities: readonly Capability[]): Capability[] {
  return CAPABILITIES.filter((each) => each === 'view' || capabilities.includes(each));
}

/** Seconds that a link can be used: minutes, because it travels in mails and chats. */
export const LINK_SECONDS = { least: 60, most: 3_600, unlessTold: 600 } as const;
/** Seconds that a session lasts, unless told: a working day. */
export const SESSION_SECONDS = 8 * 3_600;
/** Calls of all sessions of an application in a minute: five a second, of people who look and press buttons. */
export const PORTAL_REQUESTS_PER_MINUTE = 300;
