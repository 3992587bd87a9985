import { newId } from '../../src/core/ids.ts';
import type { Scope } from '../../src/core/scope.ts';
import type { Operation } from '../kit/document.ts';
import type { nonexistent, Tenant } from './tenant.ts';

/** A valid call of one operation. */
export interface Sample {
  /** The smallest that may call it. */
  readonly scope: Scope;
  /** What the path's `id` names. */
  readonly item?: 'endpoint' | 'message' | 'delivery' | 'key' | 'job' | 'source';
  /** Makes the item, where calling uses it up. */
  readonly makeItem?: (tenant: Tenant) => Promise<string>;
  /** The same for the application in the path. */
  readonly makeApplication?: (tenant: Tenant) => Promise<string>;
  readonly query?: string;
  readonly body?: (tenant: Tenant) => object;
  /** Puts right what calls with other values may have left behind, for the operations that come after. */
  readonly restore?: (tenant: Tenant) => Promise<unknown>;
  /** No two answers are alike. */
  readonly isNewEachTime?: true;
  /** The operation makes the application that its path names. */
  readonly createsApplication?: true;
  /** What the path's parameters other than `app_id` and `id` are filled with: names of the tenant's own. */
  readonly names?: (ids: Ids) => Readonly<Record<string, string>>;
  /** The same, where calling uses them up. */
  readonly makeNames?: (tenant: Tenant) => Promise<Readonly<Record<string, string>>>;
  /** The operation makes what its path names, so that a name nobody has is not 404. */
  readonly createsItem?: true;
}

const event = { event_type: 'invoice.paid', payload: { amount: 1 } };
const endpoint = { url: 'https://example.com/hook', events: ['invoice.*'], metadata: { a: 'b' }, channels: ['eu'] };
const eventType = {
  description: 'An invoice was paid in full.',
  group: 'Billing',
  schema: { type: 'object', properties: { amount: { type: 'integer' } }, required: ['amount'] },
  example: { amount: 1250 },
};
const eventTypeName = (ids: Ids) => ({ name: ids.eventType });
const longAgo = { since: '2020-01-01T00:00:00Z', until: '2020-02-01T00:00:00Z' };
const range = 'limit=5&offset=0&since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z&event_type=invoice.paid';

const route = ({ eventType }: Ids) => ({ event_type: eventType });

/** By operationId. What exists under `/v1/app/{app_id}` too is called alike there. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  health: { scope: 'read' },
  ready: { scope: 'read' },

  listApplications: { scope: 'read', query: 'limit=5&offset=0' },
  createApplication: { scope: 'write', body: () => ({ name: 'Globex', metadata: { plan: 'gold' } }) },
  getApplication: { scope: 'read' },
  updateApplication: {
    scope: 'write',
    body: () => ({ name: 'Acme & Sons' }),
    restore: ({ api, appId, uid }) =>
      api.patch(`/v1/app/${appId}`, { uid, plan: null, monthly_event_limit: null, subscriptions: 'all' }),
  },
  deleteApplication: { scope: 'write', makeApplication: (tenant) => tenant.newApplication() },

  getEnvironment: { scope: 'read' },
  updateEnvironment: {
    scope: 'admin',
    body: () => ({ retention_days: 365 }),
    restore: ({ api }) =>
      api.patch('/v1/environment', {
        strict_event_types: false,
        payload_validation: 'off',
        body_format: 'raw',
        signature: { scheme: 'standard' },
        retention_days: null,
      }),
  },

  listApiKeys: { scope: 'admin', query: 'limit=5' },
  createApiKey: { scope: 'admin', body: () => ({ name: 'backend', scope: 'write' }) },
  getApiKey: { scope: 'admin', item: 'key' },
  updateApiKey: { scope: 'admin', item: 'key', body: () => ({ name: 'renamed', rate_limit: 1_000_000 }) },
  revealApiKey: { scope: 'admin', item: 'key' },
  regenerateApiKey: { scope: 'admin', item: 'key', makeItem: async (tenant) => (await tenant.newKey('read')).id },
  deleteApiKey: { scope: 'admin', item: 'key', makeItem: async (tenant) => (await tenant.newKey('read')).id },

  listEventTypes: { scope: 'read', query: 'limit=5&offset=0&group=Billing&include_archived=true' },
  createEventType: { scope: 'write', body: () => ({ ...eventType, name: `invoice.${newId()}` }) },
  getEventType: { scope: 'read', names: eventTypeName },
  updateEventType: { scope: 'write', names: eventTypeName, body: () => ({ ...eventType, archived: false }) },
  archiveEventType: {
    scope: 'write',
    names: eventTypeName,
    makeNames: async (tenant) => ({ name: await tenant.newEventType() }),
  },
  exportEventTypes: { scope: 'read', query: 'format=openapi&include_archived=true' },
  importEventTypes: {
    scope: 'write',
    query: 'dry_run=false',
    body: () => ({ event_types: [{ ...eventType, name: `invoice.${newId()}` }] }),
  },

  sendDirect: { scope: 'write', body: ({ endpointId }) => ({ ...event, destination: endpointId }) },
  sendWebhook: { scope: 'write', body: ({ endpointId }) => ({ payload: [1], endpoint_id: endpointId }) },
  publishEvent: { scope: 'write', createsApplication: true, body: () => event },

  listRoutes: { scope: 'read', query: 'limit=5&offset=0' },
  getRoute: { scope: 'read', names: route },
  putRoute: {
    scope: 'write',
    names: route,
    createsItem: true,
    body: ({ defaultEndpointId }) => ({ endpoint_ids: [defaultEndpointId] }),
  },
  deleteRoute: {
    scope: 'write',
    names: route,
    makeNames: async (tenant) => ({ event_type: await tenant.newRoute() }),
  },

  listSubscriptions: { scope: 'read', query: 'limit=5&offset=0' },
  updateSubscriptions: {
    scope: 'write',
    makeApplication: (tenant) => tenant.newApplication(),
    body: (tenant) => [
      { event_type: tenant.eventType, action: 'SUBSCRIBE' },
      { event_type: 'invoice.sent', action: 'UNSUBSCRIBE', metadata: { version: 7 } },
    ],
  },

  listEndpoints: { scope: 'read', query: 'limit=5' },
  listDestinationTypes: { scope: 'read' },
  createEndpoint: { scope: 'write', body: () => endpoint },
  getEndpoint: { scope: 'read', item: 'endpoint' },
  updateEndpoint: {
    scope: 'write',
    item: 'endpoint',
    body: () => ({ description: 'ours' }),
    restore: ({ api, endpointId }) => api.patch(`/v1/endpoints/${endpointId}`, { active: true }),
  },
  deleteEndpoint: { scope: 'write', item: 'endpoint', makeItem: (tenant) => tenant.newEndpoint() },
  enableEndpoint: {
    scope: 'write',
    item: 'endpoint',
    makeItem: (tenant) => tenant.newEndpoint({ active: false }),
  },
  pauseEndpoint: { scope: 'write', item: 'endpoint', makeItem: (tenant) => tenant.newEndpoint() },
  resumeEndpoint: { scope: 'write', item: 'endpoint', makeItem: (tenant) => tenant.newEndpoint() },
  getEndpointSecret: { scope: 'admin', item: 'endpoint' },
  rotateEndpointSecret: {
    scope: 'admin',
    item: 'endpoint',
    makeItem: (tenant) => tenant.newEndpoint(),
    body: () => ({ overlap_hours: 1.5 }),
  },
  testEndpoint: { scope: 'write', item: 'endpoint' },
  getEndpointStats: { scope: 'read', item: 'endpoint', query: 'window=7d' },
  getApplicationStatistics: { scope: 'read', query: 'from=2026-01&to=2026-12' },
  getMetrics: { scope: 'read', query: 'window=1h' },

  publishMessage: { scope: 'write', body: () => ({ ...event, event_id: 'evt-1', headers: { 'x-trace': '1' } }) },
  publishBatch: { scope: 'write', body: () => ({ messages: [event, { ...event, payload: [1.5], channels: ['eu'] }] }) },
  listMessages: { scope: 'read', query: range },
  getMessage: { scope: 'read', item: 'message' },

  listDeliveries: { scope: 'read', query: `${range}&status=FAILED` },
  getDelivery: { scope: 'read', item: 'delivery' },
  listAttempts: { scope: 'read', item: 'delivery', query: 'limit=5' },
  retryDelivery: { scope: 'write', item: 'delivery', makeItem: (tenant) => tenant.newFailedDelivery() },

  // Of a time in which nothing failed: the tenant's own failed delivery is to stay as it is.
  replayDeliveries: { scope: 'write', body: () => ({ filter: { status: 'FAILED', ...longAgo } }) },
  replayEndpoint: { scope: 'write', item: 'endpoint', body: () => ({ ...longAgo, only_failed: false }) },
  getOrganization: { scope: 'read' },
  updateOrganization: { scope: 'admin', body: () => ({ name: 'My organization' }) },
  listAuditLog: { scope: 'admin', query: 'limit=5&since=2020-01-01T00:00:00Z' },
  createPortalLink: {
    scope: 'admin',
    body: () => ({
      expires_in: 120,
      capabilities: ['replay'],
      theme: { mode: 'dark' },
      return_url: 'https://acme.example/',
    }),
  },
  getDashboardAccess: { scope: 'admin', isNewEachTime: true },
  revokePortalSessions: { scope: 'write' },
  openPortalSession: { scope: 'read', body: () => ({ code: `prl_${'0'.repeat(40)}` }) },
  closePortalSession: { scope: 'read' },

  listSourceTypes: { scope: 'read' },
  listSources: { scope: 'read', query: 'limit=5&offset=0&application=default' },
  createSource: { scope: 'write', body: ({ sourceBody }) => sourceBody },
  getSource: { scope: 'read', item: 'source' },
  updateSource: {
    scope: 'write',
    item: 'source',
    body: ({ sourceBody }) => ({ ...sourceBody, type: undefined, name: 'Orders of ours' }),
  },
  deleteSource: { scope: 'write', item: 'source', makeItem: (tenant) => tenant.newSource() },
  pauseSource: { scope: 'write', item: 'source', makeItem: (tenant) => tenant.newSource() },
  resumeSource: { scope: 'write', item: 'source', makeItem: (tenant) => tenant.newSource() },
  listSourceRejections: { scope: 'read', item: 'source', query: 'limit=5&offset=0' },
  getSourceRejection: { scope: 'read', item: 'source', names: ({ rejectionId }) => ({ rejection_id: rejectionId }) },
  deleteSourceRejections: { scope: 'write', item: 'source', makeItem: (tenant) => tenant.newSource() },

  listJobs: { scope: 'read', query: 'limit=5&offset=0' },
  getJob: { scope: 'read', item: 'job' },
};

/** @throws where nobody has written down how to call the operation: a route without a sample is a route untested. */
export function sampleOf(operation: Operation): Sample {
  const sample = SAMPLES[operation.id.replace(/OfApplication$/, '')];
  if (!sample) throw new Error(`add a valid call of ${operation.id} (${operation.path}) to test/api/samples.ts`);
  return sample;
}

/** A call that should succeed: a new one each time, its own item made where it needs one. */
export async function validCall(operation: Operation, tenant: Tenant): Promise<{ path: string; body?: object }> {
  const sample = sampleOf(operation);
  const path = fill(operation.path, { ...valuesOf(sample, tenant), ...(await freshValues(sample, tenant)) });
  const query = sample.query ? `?${sample.query}` : '';
  return { path: path + query, ...(sample.body && { body: sample.body(tenant) }) };
}

/** The parts of a tenant that paths name. */
type Ids = ReturnType<typeof nonexistent>;

/** What a path's parameters are filled with, by name. */
export type PathValues = Readonly<Record<string, string>>;

/** What exists of these, under the names that the path has for it. */
export function valuesOf(sample: Sample, ids: Ids): PathValues {
  return { app_id: ids.appId, id: itemOf(sample, ids), ...sample.names?.(ids) };
}

/** What a call of it would use up, made anew. */
export async function freshValues(sample: Sample, tenant: Tenant): Promise<PathValues> {
  return {
    ...(await sample.makeNames?.(tenant)),
    ...(sample.makeApplication && { app_id: await sample.makeApplication(tenant) }),
    ...(sample.makeItem && { id: await sample.makeItem(tenant) }),
  };
}

/** The existing item that the path's `id` names; '' where the path has none. */
function itemOf(sample: Sample, ids: Ids): string {
  if (!sample.item) return '';
  return {
    endpoint: ids.endpointId,
    message: ids.messageId,
    delivery: ids.deliveryId,
    key: ids.keyId,
    job: ids.jobId,
    source: ids.sourceId,
  }[sample.item];
}

/** The path with its parameters filled in. @throws where a parameter has no value: its sample has to give one. */
export function fill(path: string, values: PathValues): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing to fill {${name}} of ${path} with: give its sample \`names\``);
    return value;
  });
}
