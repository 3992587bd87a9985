import { newId } from '../../src/core/ids.ts';
import type { Scope } from '../../src/core/scope.ts';
import type { Tenant } from '../api/tenant.ts';

/** A valid call of one route of the surface, by its path there. */
export interface SvixOperation {
  /** As the server has it: `GET /app/:app_id`. */
  readonly route: string;
  /** The smallest that may call it. */
  readonly scope: Scope;
  readonly body?: (tenant: SvixTenant) => object;
}

/** What a path may name. */
export interface SvixTenant extends Pick<Tenant, 'appId' | 'endpointId' | 'messageId' | 'jobId' | 'eventType'> {
  readonly attemptId: string;
}

const event = { eventType: 'invoice.paid', payload: { amount: 1 } };
const endpoint = { url: 'https://example.com/hook', eventTypes: ['invoice.paid'], metadata: { a: 'b' } };
const eventType = { description: 'Somebody paid', schemas: { 1: { type: 'object' } }, groupName: 'Invoices' };
const spec = { openapi: '3.1.0', info: { title: 'a', version: '1' }, webhooks: { 'a.b': { post: {} } } };
const longAgo = { since: '2020-01-01T00:00:00Z', until: '2020-02-01T00:00:00Z' };

const of = (route: string, scope: Scope, body?: SvixOperation['body']): SvixOperation => ({
  route,
  scope,
  ...(body && { body }),
});
const ENDPOINT = '/app/:app_id/endpoint/:endpoint_id';
const MESSAGE = '/app/:app_id/msg/:msg_id';

/** Those that delete come last: the rest is to find what it calls. */
export const SVIX_OPERATIONS: readonly SvixOperation[] = [
  of('GET /app', 'read'),
  of('POST /app', 'write', () => ({ name: 'Globex', metadata: { plan: 'gold' } })),
  of('GET /app/:app_id', 'read'),
  of('PUT /app/:app_id', 'write', () => ({ name: 'Acme & Sons' })),
  of('PATCH /app/:app_id', 'write', () => ({ name: 'Acme & Sons' })),

  of('GET /app/:app_id/endpoint', 'read'),
  of('POST /app/:app_id/endpoint', 'write', () => endpoint),
  of(`GET ${ENDPOINT}`, 'read'),
  of(`PUT ${ENDPOINT}`, 'write', () => endpoint),
  of(`PATCH ${ENDPOINT}`, 'write', () => ({ description: 'ours' })),
  of(`GET ${ENDPOINT}/headers`, 'read'),
  of(`PUT ${ENDPOINT}/headers`, 'write', () => ({ headers: { 'x-a': '1' } })),
  of(`PATCH ${ENDPOINT}/headers`, 'write', () => ({ headers: { 'x-b': '1' }, deleteHeaders: ['x-a'] })),
  of(`GET ${ENDPOINT}/secret`, 'admin'),
  of(`POST ${ENDPOINT}/secret/rotate`, 'admin', () => ({ gracePeriodSeconds: 60 })),
  of(`GET ${ENDPOINT}/stats`, 'read'),
  of(`POST ${ENDPOINT}/send-example`, 'write', ({ eventType }) => ({ eventType })),
  of(`POST ${ENDPOINT}/recover`, 'write', () => longAgo),
  of(`POST ${ENDPOINT}/bulk-replay`, 'write', () => ({ ...longAgo, eventTypes: ['invoice.paid'], status: 2 })),
  of('GET /background-task', 'read'),
  of('GET /background-task/:task_id', 'read'),

  of('GET /event-type', 'read'),
  of('POST /event-type', 'write', () => ({ ...eventType, name: `made.${newId()}` })),
  of('POST /event-type/import/openapi', 'write', () => ({ spec })),
  of('GET /event-type/:event_type_name', 'read'),
  of('PUT /event-type/:event_type_name', 'write', () => eventType),
  of('PATCH /event-type/:event_type_name', 'write', () => ({ description: 'ours' })),

  of('POST /app/:app_id/msg', 'write', () => ({ ...event, channels: ['eu'] })),
  of('GET /app/:app_id/msg', 'read'),
  of(`GET ${MESSAGE}`, 'read'),
  of('POST /app/:app_id/msg/precheck/active', 'read', () => ({ eventType: 'invoice.paid', channels: ['eu'] })),

  of('GET /app/:app_id/attempt/endpoint/:endpoint_id', 'read'),
  of('GET /app/:app_id/attempt/msg/:msg_id', 'read'),
  of(`GET ${MESSAGE}/attempt/:attempt_id`, 'read'),
  of(`GET ${ENDPOINT}/msg`, 'read'),
  of(`GET ${MESSAGE}/endpoint`, 'read'),
  of(`POST ${MESSAGE}/endpoint/:endpoint_id/resend`, 'write'),

  of('POST /auth/app-portal-access/:app_id', 'admin', () => ({ capabilities: ['ViewBase'], expiry: 3_600 })),
  of('POST /auth/app/:app_id/expire-all', 'write', () => ({ sessionIds: ['nobody'] })),

  of('DELETE /event-type/:event_type_name', 'write'),
  of(`DELETE ${ENDPOINT}`, 'write'),
  of('DELETE /app/:app_id', 'write'),
];

/** Not for API keys: for anybody, and for portal sessions. */
export const SVIX_OTHERS = ['GET /health', 'POST /auth/logout'];

/** What a parameter of a path names. */
export function idsOf(tenant: SvixTenant): Readonly<Record<string, string>> {
  return {
    app_id: tenant.appId,
    endpoint_id: tenant.endpointId,
    msg_id: tenant.messageId,
    attempt_id: tenant.attemptId,
    task_id: tenant.jobId,
    event_type_name: tenant.eventType,
  };
}

export function parametersOf({ route }: SvixOperation): string[] {
  return [...route.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '');
}

export function callOf(operation: SvixOperation, ids: Readonly<Record<string, string>>) {
  const [method = '', path = ''] = operation.route.split(' ');
  return { method, path: `/svix/api/v1${path.replaceAll(/:(\w+)/g, (_, name) => ids[name] ?? '')}` };
}
