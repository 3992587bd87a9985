import { Type } from 'typebox';
import { checkByCatalogue } from '../../directory/catalogue-check.ts';
import { Problem } from '../../errors.ts';
import { listMessages } from '../../store/message.ts';
import { AppIdParam, applicationOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall } from '../idempotency.ts';
import { deliverAt } from '../messages/deliver-at.ts';
import { publication } from '../messages/publishing.ts';
import { createSender } from '../messages/sending.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { onUse } from './application-on-use.ts';
import { eventIdCall } from './event-id.ts';
import { MessageIn, newMessage, payloadText } from './message-body.ts';
import { messageText, NO_CONTENT } from './message-presenter.ts';
import { cursorOf, idListText, PageQuery, pageOf, sendText, TimeQuery, turnFrom } from './paging.ts';
import { AppPath, Channel, Joined, Switch, split, Unsupported } from './schema.ts';
import { contentsOf, messageFinder, turnWithContent } from './stored-messages.ts';

export const MsgPath = Type.Object({ app_id: AppIdParam, msg_id: Type.String({ maxLength: 256 }) });

const ListQuery = Strict({
  ...PageQuery,
  ...TimeQuery,
  channel: Channel,
  event_types: Joined,
  with_content: Switch,
  tag: Unsupported,
});
const Precheck = Strict({
  eventType: MessageIn.properties.eventType,
  channels: MessageIn.properties.channels,
});

export function messages(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const send = createSender(deps);
  const applicationOnUse = onUse(deps);
  const find = messageFinder(deps);

  app.post(
    '/app/:app_id/msg',
    {
      config: { access: 'write' },
      schema: { hide: true, params: AppPath, querystring: Strict({ with_content: Switch }), body: MessageIn },
    },
    async (request, reply) => {
      const { body } = request;
      // All that can be wrong with the call comes first: a refused one must not leave an application behind.
      const payload = payloadText(request.rawBody, body);
      deliverAt(body.deliverAt ?? undefined);
      keyedCall(request, null);
      const application = await applicationOnUse(request, request.params.app_id, body.application, async () => {
        const environment = await directory.environment(request.caller.environmentId);
        await checkByCatalogue(directory, environment, { eventType: body.eventType, payload });
      });
      const sending = publication(application, newMessage(body), payload);
      const keyed = body.eventId == null ? undefined : eventIdCall(request, application.id, body.eventId);
      return send(request, reply, {
        ...sending,
        keyed,
        answer: ({ id }) =>
          messageText(
            {
              id,
              application_id: application.id,
              event_type: body.eventType,
              event_id: body.eventId ?? null,
              channels: body.channels ?? null,
            },
            request.query.with_content === false ? NO_CONTENT : payload,
            { deliverAt: body.deliverAt ?? null },
          ),
      }).catch((error: unknown) => {
        const isTaken = keyed && error instanceof Problem && error.code === 'idempotency_mismatch';
        throw isTaken ? new Problem('already_exists', 'a message with this eventId was sent today') : error;
      });
    },
  );

  app.post(
    '/app/:app_id/msg/precheck/active',
    { config: { access: 'read' }, schema: { hide: true, params: AppPath, body: Precheck } },
    async ({ caller, params, body }) => {
      const application = await applicationOf(directory, caller, params.app_id);
      const { endpoints } = application.match({
        eventType: body.eventType,
        channels: body.channels ?? null,
        endpointIds: null,
      });
      return { active: endpoints.length > 0 };
    },
  );

  app.get(
    '/app/:app_id/msg',
    { config: { access: 'read' }, schema: { hide: true, params: AppPath, querystring: ListQuery } },
    async ({ caller, params, query }, reply) => {
      const { environmentId } = caller;
      const application = await applicationOf(directory, caller, params.app_id);
      const turn = turnWithContent(turnFrom(query, 'descending'), query.with_content);
      const { rows, lookedTo } = await listMessages(
        tenant(environmentId),
        {
          environmentId,
          applicationId: application.id,
          eventTypes: split(query.event_types),
          channel: query.channel,
        },
        pageOf(turn, cursorOf('msg', turn), query),
      );
      const payloads = await contentsOf(
        deps,
        caller,
        query.with_content,
        rows.map(({ id }) => id),
      );
      return sendText(
        reply,
        idListText('msg', turn, rows, (row) => messageText(row, payloads.get(row.id) ?? NO_CONTENT), lookedTo),
      );
    },
  );

  app.get(
    '/app/:app_id/msg/:msg_id',
    {
      config: { access: 'read' },
      schema: { hide: true, params: MsgPath, querystring: Strict({ with_content: Switch }) },
    },
    async ({ caller, params, query }, reply) => {
      const row = await find(caller, params.app_id, params.msg_id);
      return sendText(reply, messageText(row, query.with_content === false ? NO_CONTENT : row.payload));
    },
  );
}
