import { parseId } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import { deliveriesOf } from '../../store/delivery.ts';
import { listMessages, readMessage } from '../../store/message.ts';
import { applicationFilter, applicationOf, type Mount, pathOf, type ScopedPath } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { Id, ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { payloadOf } from './payload.ts';
import { presentMessage, presentMessageSummary } from './presenter.ts';
import { publication } from './publishing.ts';
import { MessageAccepted, MessageQuery, MessageSchema, MessageSummary, NewMessage } from './schema.ts';
import { createSender } from './sending.ts';

const tags = ['Messages'];

export function messageRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { tenant, directory } = deps;
  const send = createSender(deps);
  const path = `${mount.prefix}/messages`;
  const operation = (name: string) => (mount.isScoped ? `${name}OfApplication` : name);

  app.post(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('publishMessage'),
        tags,
        summary: 'Publish an event to every matching endpoint',
        params: pathOf(mount, {}),
        body: NewMessage,
        response: { 202: MessageAccepted },
      },
    },
    async (request, reply) => {
      const application = await applicationOf(directory, request.caller, (request.params as ScopedPath).app_id);
      return send(request, reply, publication(application, request.body, payloadOf(request.rawBody)));
    },
  );

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('listMessages'),
        tags,
        summary: 'List messages, newest first',
        params: pathOf(mount, {}),
        querystring: MessageQuery,
        response: { 200: ListOf(MessageSummary) },
      },
    },
    async (request) => {
      const { query, caller } = request;
      const appId = (request.params as ScopedPath).app_id ?? query.application;
      const { rows, lookedTo } = await listMessages(
        tenant(caller.environmentId),
        {
          environmentId: caller.environmentId,
          applicationId: (await applicationFilter(directory, caller, appId)) ?? undefined,
          eventType: query.event_type,
        },
        pageFrom('msg', query),
      );
      return listAnswer('msg', query, rows, presentMessageSummary, lookedTo);
    },
  );

  app.get(
    `${path}/:id`,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('getMessage'),
        tags,
        summary: 'Read a message: its payload, its deliveries, and why it matched',
        params: pathOf(mount, { id: Id('msg') }),
        response: { 200: MessageSchema },
      },
    },
    async (request, reply) => {
      const { environmentId } = request.caller;
      const id = parseId('msg', request.params.id);
      const applicationId = await applicationFilter(directory, request.caller, (request.params as ScopedPath).app_id);
      const row = id && (await readMessage(tenant(environmentId), environmentId, applicationId, id));
      if (!row) throw notFound('message');
      const body = presentMessage(row, await deliveriesOf(tenant(environmentId), environmentId, row.id));
      return sendAnswer(reply, { answer: { status: 200, body }, isReplay: false });
    },
  );
}
