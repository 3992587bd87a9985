import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Caller } from '../../auth/authenticate.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import { newId, parseId, publicId } from '../../core/ids.ts';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { checkByCatalogue } from '../../directory/catalogue-check.ts';
import { invalidFields, notFound } from '../../errors.ts';
import { insertApplication } from '../../store/application.ts';
import { readEndpoint } from '../../store/endpoint.ts';
import { AppIdParam, applicationOf, applicationRef } from '../application-scope.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall } from '../idempotency.ts';
import type { ApiServer } from '../server.ts';
import { deliverAt } from './deliver-at.ts';
import { directEndpoint } from './direct-endpoint.ts';
import { payloadOf } from './payload.ts';
import { publication } from './publishing.ts';
import { DirectAccepted, DirectSend, EventAccepted, NewMessage, WebhookQueued, WebhookSend } from './schema.ts';
import { addressed, createSender, messageHeaders, type Sending } from './sending.ts';

const tags = ['Sending'];
/** The event type of a send that names none. */
const UNTYPED = 'webhook';

/** The ways to send that are not publishing: to one endpoint by name, and to an application that may not exist yet. */
export function sendRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const send = createSender(deps);

  app.post(
    '/v1/send',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'sendDirect',
        tags,
        summary: 'Send to one endpoint, or to a URL',
        description:
          'The first send to a URL makes a direct endpoint for it in the default application; later ones to the same URL, ' +
          'as it is written, use that. It is an endpoint like any other (`endpoint_id` names it: its secret is what the ' +
          'receiver verifies with), but nothing that is published goes there.',
        body: DirectSend,
        response: { 202: DirectAccepted },
      },
    },
    async (request, reply) => {
      const { body, caller } = request;
      const payload = payloadOf(request.rawBody);
      const endpoint = body.destination.startsWith('ep_')
        ? await endpointNamed(caller, body.destination, '/destination')
        : await endpointOnUse(request, body, payload);
      return send(request, reply, {
        application: endpoint.applicationId,
        environment: await directory.environment(caller.environmentId),
        eventType: body.event_type,
        payload,
        headers: body.headers,
        deliverAt: body.deliver_at,
        matched: addressed(endpoint),
        answer: ({ id, deliveryIds }) => ({
          message_id: publicId('msg', id),
          delivery_id: deliveryIds.map((delivery) => publicId('dlv', delivery))[0] ?? null,
          endpoint_id: publicId('ep', endpoint.id),
        }),
      });
    },
  );

  app.post(
    '/v1/webhooks/send',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'sendWebhook',
        tags,
        summary: 'Send to one endpoint, with the idempotency key in the body if you like',
        body: WebhookSend,
        response: { 202: WebhookQueued },
      },
    },
    async (request, reply) => {
      const { body, caller } = request;
      const endpoint = await endpointNamed(caller, body.endpoint_id, '/endpoint_id');
      return send(request, reply, {
        application: endpoint.applicationId,
        environment: await directory.environment(caller.environmentId),
        eventType: body.event_type ?? UNTYPED,
        payload: payloadOf(request.rawBody),
        headers: body.headers,
        matched: addressed(endpoint),
        idempotencyKey: body.idempotency_key,
        answer: ({ id }) => ({ message_id: publicId('msg', id), status: 'queued' }),
      });
    },
  );

  app.post(
    '/v1/app/:app_id/event',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'publishEvent',
        tags,
        summary: 'Publish an event for one application, created on first use',
        params: Type.Object({ app_id: AppIdParam }),
        body: NewMessage,
        response: { 202: EventAccepted },
      },
    },
    async (request, reply) => {
      const { body } = request;
      // All that can be wrong with the call comes first: a refused one must not leave an application behind.
      const payload = payloadOf(request.rawBody);
      messageHeaders(body.headers);
      deliverAt(body.deliver_at);
      keyedCall(request, null);
      const message = { eventType: body.event_type, payload };
      const application = await applicationOnUse(request, request.params.app_id, body.endpoint_ids, message);
      const sending = publication(application, body, payload);
      const fanout = sending.matched.endpoints.length;
      return send(request, reply, { ...sending, answer: ({ id }) => ({ message_id: publicId('msg', id), fanout }) });
    },
  );

  /** An endpoint of the caller's environment. @throws Problem `validation_failed` (not an id) or `not_found`. */
  async function endpointNamed(caller: Caller, text: string, path: string): Promise<Endpoint> {
    const id = parseId('ep', text);
    if (!id) throw invalidFields([{ path, message: 'must be an endpoint id, ep_…' }]);
    const row = await readEndpoint(tenant(caller.environmentId), caller.environmentId, null, id);
    if (!row) throw notFound('endpoint');
    return directory.open(row);
  }

  /** The direct endpoint of a URL, made where there is none. @throws Problem `validation_failed`. */
  async function endpointOnUse(
    request: FastifyRequest,
    body: Static<typeof DirectSend>,
    payload: string,
  ): Promise<Endpoint> {
    // All that can be wrong with the call comes first: a refused one must not leave an endpoint behind.
    const checked = deps.checkUrl(body.destination);
    if (!checked.ok) throw invalidFields([{ path: '/destination', message: `egress_blocked: ${checked.reason}` }]);
    messageHeaders(body.headers);
    deliverAt(body.deliver_at);
    keyedCall(request, null);
    const application = await applicationOf(directory, request.caller, 'default');
    return directEndpoint(deps, request, application, body.destination, () =>
      checkByCatalogue(directory, application.environment, { eventType: body.event_type, payload }),
    );
  }

  async function applicationOnUse(
    request: FastifyRequest,
    appId: string,
    endpointIds: readonly string[] | undefined,
    message: Pick<Sending, 'eventType' | 'payload'>,
  ): Promise<ApplicationEntry> {
    const { caller } = request;
    const ref = applicationRef(appId);
    if (!ref) throw invalidFields([{ path: 'app_id', message: 'must be 1 to 128 letters, digits or . _ : -' }]);
    const known = await directory.application(caller.environmentId, ref);
    if (known || ref.by !== 'uid') return known ?? applicationOf(directory, caller, appId);
    if (endpointIds) {
      throw invalidFields([{ path: '/endpoint_ids/0', message: 'is not an endpoint of this application' }]);
    }
    await checkByCatalogue(directory, await directory.environment(caller.environmentId), message);
    await tenant(caller.environmentId).transaction(async (tx) => {
      const row = await insertApplication(tx, {
        id: newId(),
        environment_id: caller.environmentId,
        uid: ref.uid,
        name: ref.uid,
        metadata: {},
        is_default: false,
      });
      // Somebody else may have created it meanwhile: then theirs is the one.
      if (row) await audit(tx, request, 'application.create', publicId('app', row.id), { by: 'event' });
    });
    return applicationOf(directory, caller, appId);
  }
}
