import type { Endpoint } from '../../core/endpoint.ts';
import { publicId } from '../../core/ids.ts';
import { maskHeaders } from '../../core/mask.ts';

/** An endpoint as its owner sees it, without its secret. */
export function presentEndpoint(endpoint: Endpoint) {
  return {
    id: publicId('ep', endpoint.id),
    app_id: publicId('app', endpoint.applicationId),
    type: endpoint.type,
    url: endpoint.url,
    events: [...endpoint.events],
    channels: endpoint.channels ? [...endpoint.channels] : null,
    description: endpoint.description,
    metadata: { ...endpoint.metadata },
    headers: maskHeaders(endpoint.headers),
    retry_policy: typeof endpoint.retryPolicy === 'string' ? endpoint.retryPolicy : [...endpoint.retryPolicy],
    timeout_seconds: endpoint.timeoutSeconds,
    rate_limit: endpoint.rateLimit,
    max_in_flight: endpoint.maxInFlight,
    ordering: endpoint.ordering,
    circuit: {
      state: endpoint.circuit.state,
      opened_at: endpoint.circuit.openedAt?.toISOString() ?? null,
      next_probe_at: endpoint.circuit.nextProbeAt?.toISOString() ?? null,
      failures: endpoint.circuit.openings,
    },
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    created_at: endpoint.createdAt.toISOString(),
    updated_at: endpoint.updatedAt.toISOString(),
  };
}
