import type { Endpoint } from './endpoint.ts';
import { type FilterReason, matchFilters } from './event-type.ts';
import type { Uuid } from './ids.ts';

/** Why an endpoint does or does not get a message. Shown to people: message.matching[].reason. */
export type MatchReason =
  | FilterReason
  | 'addressed'
  | 'not_addressed'
  | 'route'
  | 'not_in_route'
  | 'not_subscribed'
  | 'event_not_selected'
  | 'channel_not_selected'
  | 'endpoint_disabled';

export interface Match {
  readonly endpoint_id: Uuid;
  readonly matched: boolean;
  readonly reason: MatchReason;
}

export interface Selection {
  readonly eventType: string;
  readonly channels: readonly string[] | null;
  /** Only these endpoints may get it; null for all. They still have to match. */
  readonly endpointIds: ReadonlySet<Uuid> | null;
}

/** What holds for all endpoints of an application, whatever each of them listens to. */
export interface Rules {
  /** Endpoints by event type: those and no others get it, unless the message names its endpoints itself. */
  readonly routes: ReadonlyMap<string, ReadonlySet<Uuid>>;
  /** The only event types that the application wants; null for all. */
  readonly subscribed: ReadonlySet<string> | null;
}

export const NO_RULES: Rules = { routes: new Map(), subscribed: null };

/** Decides for every endpoint of an application whether it gets this message. Pure: same input, same answer. */
export function matchEndpoint(endpoint: Endpoint, selection: Selection, rules: Rules = NO_RULES): Match {
  const answer = (matched: boolean, reason: MatchReason): Match => ({ endpoint_id: endpoint.id, matched, reason });
  const route = selection.endpointIds ? undefined : rules.routes.get(selection.eventType);
  if (route && !route.has(endpoint.id)) return answer(false, 'not_in_route');
  if (selection.endpointIds && !selection.endpointIds.has(endpoint.id)) return answer(false, 'not_addressed');
  // A paused endpoint matches: what it is sent is held for it.
  if (endpoint.status === 'disabled') return answer(false, 'endpoint_disabled');
  // Somebody has said that this type goes there: what the endpoint listens to is not asked.
  if (route) return answer(true, 'route');
  if (rules.subscribed && !rules.subscribed.has(selection.eventType)) return answer(false, 'not_subscribed');
  const byFilter = matchFilters(endpoint.events, selection.eventType);
  if (!byFilter) return answer(false, 'event_not_selected');
  if (endpoint.channels && !endpoint.channels.some((channel) => selection.channels?.includes(channel))) {
    return answer(false, 'channel_not_selected');
  }
  return answer(true, byFilter);
}
