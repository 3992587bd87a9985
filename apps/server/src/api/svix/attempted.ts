import { Type } from 'typebox';
import type { DeliveryStatus } from '../../core/delivery.ts';
import { publicId, type Uuid } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import type { Queryable } from '../../store/database.ts';
import { type DeliveryRow, deliveriesOf, listDeliveries, retryDelivery } from '../../store/delivery.ts';
import { NOTHING_FOUND } from '../../store/list.ts';
import { type MessageSummaryRow, readMessages } from '../../store/message.ts';
import { applicationOf } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentStatus, STATUS } from './attempt-presenter.ts';
import { presentEndpointOut } from './endpoint-presenter.ts';
import { messageText, NO_CONTENT } from './message-presenter.ts';
import { MsgPath } from './messages.ts';
import { cursorOf, idListText, listText, PageQuery, pageOf, sendText, TimeQuery, turnFrom } from './paging.ts';
import { Channel, EndpointPath, Joined, OneOf, Switch, split, Unsupported } from './schema.ts';
import { contentsOf, messageFinder, turnWithContent } from './stored-messages.ts';

const MessagesQuery = Strict({
  ...PageQuery,
  ...TimeQuery,
  status: OneOf([0, 1, 2, 3, 4]),
  channel: Channel,
  event_types: Joined,
  tag: Unsupported,
  with_content: Switch,
  expanded_statuses: Switch,
});
const ResendPath = Type.Object({ ...MsgPath.properties, endpoint_id: Type.String({ maxLength: 256 }) });

/** Which messages went to an endpoint, which endpoints got a message, and how each stands; and sending one again. */
export function attempted(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const endpoints = storedEndpoints(deps);
  const findMessage = messageFinder(deps);

  app.get(
    '/app/:app_id/endpoint/:endpoint_id/msg',
    { config: { access: 'read' }, schema: { hide: true, params: EndpointPath, querystring: MessagesQuery } },
    async ({ caller, params, query }, reply) => {
      const { environmentId } = caller;
      const endpoint = await endpoints.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      const turn = turnWithContent(turnFrom(query, 'descending'), query.with_content);
      const status = query.status === undefined ? undefined : statusNumbered(query.status);
      const filter = {
        ...{ environmentId, applicationId: endpoint.application_id, endpointId: endpoint.id },
        ...{ status: status ?? undefined, eventTypes: split(query.event_types), channel: query.channel },
      };
      const db = tenant(environmentId);
      const from = cursorOf('msg', turn);
      const cursor = from && ((await deliveryFor(db, environmentId, from, endpoint.id))?.id ?? from);
      const page = pageOf(turn, cursor, query);
      const { rows, lookedTo } = status === null ? NOTHING_FOUND : await listDeliveries(db, filter, page);
      const ids = rows.map(({ message_id }) => message_id);
      const found = new Map((await readMessages(db, environmentId, ids)).map((row) => [row.id, row]));
      const payloads = await contentsOf(deps, caller, query.with_content, ids);
      return sendText(
        reply,
        listText(
          turn,
          rows,
          (row) => publicId('msg', row.message_id),
          (row) => {
            const message = found.get(row.message_id) ?? lostMessage(row);
            return messageText(message, payloads.get(row.message_id) ?? NO_CONTENT, presentProgress(row));
          },
          lookedTo && publicId('msg', lookedTo.message_id),
        ),
      );
    },
  );

  app.get(
    '/app/:app_id/msg/:msg_id/endpoint',
    { config: { access: 'read' }, schema: { hide: true, params: MsgPath, querystring: Strict(PageQuery) } },
    async ({ caller, params, query }, reply) => {
      const { environmentId } = caller;
      const message = await findMessage(caller, params.app_id, params.msg_id);
      const application = await applicationOf(directory, caller, params.app_id);
      const turn = turnFrom(query, 'ascending');
      const from = cursorOf('ep', turn);
      const isAhead = (id: Uuid) => from === null || (turn.isAscending ? id > from : id < from);
      const rows = (await deliveriesOf(tenant(environmentId), environmentId, message.id))
        .flatMap((delivery) => {
          const endpoint = application.endpoint(delivery.endpoint_id);
          return endpoint && isAhead(endpoint.id) ? [{ id: endpoint.id, endpoint, delivery }] : [];
        })
        .sort((one, other) => (one.id < other.id === turn.isAscending ? -1 : 1));
      return sendText(
        reply,
        idListText('ep', turn, rows.slice(0, turn.limit + 1), ({ endpoint, delivery }) => ({
          ...presentEndpointOut(endpoint),
          ...presentProgress(delivery),
        })),
      );
    },
  );

  app.post(
    '/app/:app_id/msg/:msg_id/endpoint/:endpoint_id/resend',
    { config: { access: 'write' }, schema: { hide: true, params: ResendPath } },
    async (request, reply) => {
      const { caller, params } = request;
      const { environmentId } = caller;
      const message = await findMessage(caller, params.app_id, params.msg_id);
      const endpoint = await endpoints.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      const delivery = await deliveryFor(tenant(environmentId), environmentId, message.id, endpoint.id);
      if (!delivery) throw notFound('delivery of this message to this endpoint');
      const outcome = await once(deps, caller, keyedCall(request, message.application_id), async (tx) => {
        // One that is SENDING is on its way as it is.
        await retryDelivery(tx, environmentId, message.application_id, delivery.id, 'manual', [
          'FAILED',
          'SENT',
          'PENDING',
        ]);
        return { status: 202, body: '{}' };
      });
      deps.wakeWorker();
      return sendAnswer(reply, outcome);
    },
  );
}

/** Null for one that nothing of ours has. */
function statusNumbered(number: number): DeliveryStatus | null {
  const [found] = Object.entries(STATUS).find(([, each]) => each === number) ?? [];
  return (found as DeliveryStatus | undefined) ?? null;
}

/** The delivery of a message to an endpoint: there is one at most. */
async function deliveryFor(db: Queryable, environmentId: Uuid, messageId: Uuid, endpointId: Uuid) {
  const page = { limit: 1, offset: 0, before: null, from: null, to: null };
  return (await listDeliveries(db, { environmentId, endpointId, messageId }, page)).rows[0];
}

/** What a delivery knows of a message that is being dropped, a moment before itself. */
function lostMessage({ message_id, application_id, event_type }: DeliveryRow): MessageSummaryRow {
  return { id: message_id, application_id, event_type, event_id: null, channels: null };
}

function presentProgress(delivery: DeliveryRow) {
  return {
    ...presentStatus(delivery.status),
    nextAttempt: delivery.due_at?.toISOString() ?? null,
  };
}
