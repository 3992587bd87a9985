import type { Endpoint } from '../../core/endpoint.ts';
import { publicId } from '../../core/ids.ts';

/** `*` is what Svix says by leaving event types out. */
const ALL_EVENTS = '*';

export function presentEndpointOut(endpoint: Endpoint) {
  return {
    id: publicId('ep', endpoint.id),
    uid: endpoint.uid,
    url: endpoint.url,
    description: endpoint.description,
    metadata: endpoint.metadata,
    throttleRate: endpoint.rateLimit,
    // Svix has no pause: what is held goes on listening.
    disabled: endpoint.status === 'disabled',
    eventTypes: endpoint.events.includes(ALL_EVENTS) ? null : endpoint.events,
    channels: endpoint.channels,
    createdAt: endpoint.createdAt.toISOString(),
    updatedAt: endpoint.updatedAt.toISOString(),
  };
}
