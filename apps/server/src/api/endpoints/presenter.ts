import { DESTINATIONS } from '../../core/broker/all.ts';
import { maskConfig } from '../../core/broker-config.ts';
import type { Circuit, Endpoint } from '../../core/endpoint.ts';
import { publicId } from '../../core/ids.ts';
import { maskHeaders } from '../../core/mask.ts';
import type { RetryDelays, RetryPolicySetting } from '../../core/retry-policy.ts';

/** An endpoint as its owner sees it, without its secret. */
export function presentEndpoint(endpoint: Endpoint) {
  return {
    id: publicId('ep', endpoint.id),
    app_id: publicId('app', endpoint.applicationId),
    uid: endpoint.uid,
    type: endpoint.type,
    url: endpoint.url,
    config: presentConfig(endpoint),
    is_direct: endpoint.isDirect,
    events: [...endpoint.events],
    channels: endpoint.channels ? [...endpoint.channels] : null,
    description: endpoint.description,
    metadata: { ...endpoint.metadata },
    headers: maskHeaders(endpoint.headers),
    retry_policy: presentRetryPolicy(endpoint.retryPolicy),
    timeout_seconds: endpoint.timeoutSeconds,
    rate_limit: endpoint.rateLimit,
    max_in_flight: endpoint.maxInFlight,
    ordering: endpoint.ordering,
    body_format: endpoint.own.bodyFormat,
    signature: endpoint.own.signature,
    circuit: presentCircuit(endpoint.circuit),
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    created_at: endpoint.createdAt.toISOString(),
    updated_at: endpoint.updatedAt.toISOString(),
  };
}

function presentConfig({ type, config }: Endpoint) {
  if (type === 'webhook') return null;
  // What does not open shows nothing.
  return { ...maskConfig(DESTINATIONS[type], config ?? {}) };
}

export function presentCircuit(circuit: Circuit) {
  return {
    state: circuit.state,
    opened_at: circuit.openedAt?.toISOString() ?? null,
    next_probe_at: circuit.nextProbeAt?.toISOString() ?? null,
    failures: circuit.openings,
  };
}

function presentRetryPolicy(setting: RetryPolicySetting) {
  if (typeof setting !== 'object' || !('delays' in setting)) return presentDelays(setting);
  return { ...setting, delays: presentDelays(setting.delays) };
}

function presentDelays(delays: RetryDelays) {
  return typeof delays === 'string' ? delays : [...delays];
}
