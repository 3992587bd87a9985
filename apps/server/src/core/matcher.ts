import type { Endpoint } from './endpoint.ts';
import { type FilterReason, matchFilters } from './event-type.ts';
import type { Uuid } from './ids.ts';

/** Why an endpoint does or does not get a message. Shown to people: message.matching[].reason. */
export type MatchReason =
  | FilterReason
  | 'addressed'
  | 'not_addressed'
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

/** Decides for every endpoint of an application whether it gets this message. Pure: same input, same answer. */
export function matchEndpoint(endpoint: Endpoint, selection: Selection): Match {
  const answer = (matched: boolean, reason: MatchReason): Match => ({ endpoint_id: endpoint.id, matched, reason });
  if (selection.endpointIds && !selection.endpointIds.has(endpoint.id)) return answer(false, 'not_addressed');
  // A paused endpoint matches: what it is sent is held for it.
  if (endpoint.status === 'disabled') return answer(false, 'endpoint_disabled');
  const byFilter = matchFilters(endpoint.events, selection.eventType);
  if (!byFilter) return answer(false, 'event_not_selected');
  if (endpoint.channels && !endpoint.channels.some((channel) => selection.channels?.includes(channel))) {
    return answer(false, 'channel_not_selected');
  }
  return answer(true, byFilter);
}
