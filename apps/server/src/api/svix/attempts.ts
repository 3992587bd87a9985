import { type Static, Type } from 'typebox';
import { attemptId, MAX_ATTEMPT_NUMBER, parseId, publicId, type Uuid } from '../../core/ids.ts';
import { notFound } from '../../errors.ts';
import { type AttemptCursor, type AttemptFilter, pageAttempts, readAttempt } from '../../store/attempt.ts';
import { readDelivery } from '../../store/delivery.ts';
import { NOTHING_FOUND } from '../../store/list.ts';
import { readMessages } from '../../store/message.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentAttemptOut, STATUS } from './attempt-presenter.ts';
import { messageText, NO_CONTENT } from './message-presenter.ts';
import { MsgPath } from './messages.ts';
import { cursorOf, listText, PageQuery, pageOf, sendText, TimeQuery, turnFrom } from './paging.ts';
import { Channel, EndpointPath, Joined, OneOf, Switch, split, Unsupported } from './schema.ts';
import { messageFinder } from './stored-messages.ts';

const AttemptQuery = {
  ...PageQuery,
  ...TimeQuery,
  status: OneOf([0, 1, 2, 3, 4]),
  status_code_class: OneOf([0, 100, 200, 300, 400, 500]),
  channel: Channel,
  event_types: Joined,
  tag: Unsupported,
  with_content: Switch,
  with_msg: Switch,
  expanded_statuses: Switch,
};
const OfEndpoint = Strict(AttemptQuery);
const OfMessage = Strict({ ...AttemptQuery, endpoint_id: Type.Optional(Type.String({ maxLength: 256 })) });
const AttemptPath = Type.Object({ ...MsgPath.properties, attempt_id: Type.String({ maxLength: 64 }) });

/** What was tried. Attempts are in the order of their messages, and of each delivery the last one first. */
export function attempts(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const endpoints = storedEndpoints(deps);
  const findMessage = messageFinder(deps);

  app.get(
    '/app/:app_id/attempt/endpoint/:endpoint_id',
    { config: { access: 'read' }, schema: { hide: true, params: EndpointPath, querystring: OfEndpoint } },
    async ({ caller, params, query }, reply) => {
      const { id, application_id } = await endpoints.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      return sendText(
        reply,
        await list(caller.environmentId, { endpointId: id, applicationId: application_id }, query),
      );
    },
  );

  app.get(
    '/app/:app_id/attempt/msg/:msg_id',
    { config: { access: 'read' }, schema: { hide: true, params: MsgPath, querystring: OfMessage } },
    async ({ caller, params, query }, reply) => {
      const message = await findMessage(caller, params.app_id, params.msg_id);
      const endpoint =
        query.endpoint_id === undefined
          ? undefined
          : await endpoints.find(caller, { app_id: params.app_id, id: query.endpoint_id });
      const of = { messageId: message.id, applicationId: message.application_id, endpointId: endpoint?.id };
      return sendText(reply, await list(caller.environmentId, of, query));
    },
  );

  app.get(
    '/app/:app_id/msg/:msg_id/attempt/:attempt_id',
    {
      config: { access: 'read' },
      schema: { hide: true, params: AttemptPath, querystring: Strict({ expanded_statuses: Switch }) },
    },
    async ({ caller, params }) => {
      const { environmentId } = caller;
      const message = await findMessage(caller, params.app_id, params.msg_id);
      const cursor = attemptIn(parseId('att', params.attempt_id));
      const db = tenant(environmentId);
      const delivery = cursor && (await readDelivery(db, environmentId, message.application_id, cursor.deliveryId));
      if (!delivery || delivery.message_id !== message.id) throw notFound('attempt');
      const attempt = await readAttempt(db, environmentId, delivery.id, cursor.number);
      if (!attempt) throw notFound('attempt');
      return presentAttemptOut({ ...attempt, message_id: message.id, endpoint_id: delivery.endpoint_id }, true);
    },
  );

  async function list(
    environmentId: Uuid,
    of: Pick<AttemptFilter, 'applicationId' | 'endpointId' | 'messageId'>,
    query: Static<typeof OfEndpoint>,
  ): Promise<string> {
    const turn = turnFrom(query, 'descending');
    const cursor = attemptIn(cursorOf('att', turn));
    // An attempt that is on record has ended, in one way or the other.
    const isEnded = query.status === undefined || query.status === STATUS.SENT || query.status === STATUS.FAILED;
    const filter = {
      ...{ ...of, environmentId, eventTypes: split(query.event_types), channel: query.channel },
      isSuccess: query.status === undefined ? undefined : query.status === STATUS.SENT,
      statusClass: query.status_code_class,
    };
    const db = tenant(environmentId);
    const { rows, lookedTo } = isEnded
      ? await pageAttempts(db, filter, pageOf(turn, null, query), cursor)
      : NOTHING_FOUND;
    const messages = query.with_msg ? await messagesOf(environmentId, rows) : new Map();
    return listText(
      turn,
      rows,
      (row) => publicId('att', attemptId(row.delivery_id, row.number)),
      (row) => withMessage(presentAttemptOut(row, query.with_content !== false), messages.get(row.message_id)),
      lookedTo && publicId('att', attemptId(lookedTo.deliveryId, lookedTo.number)),
    );
  }

  /** JSON texts, by id. */
  async function messagesOf(environmentId: Uuid, rows: readonly { message_id: Uuid }[]) {
    const ids = [...new Set(rows.map(({ message_id }) => message_id))];
    const found = await readMessages(tenant(environmentId), environmentId, ids);
    return new Map(found.map((row) => [row.id, messageText(row, NO_CONTENT)]));
  }
}

function withMessage(attempt: object, message: string | undefined): object | string {
  return message === undefined ? attempt : `${JSON.stringify(attempt).slice(0, -1)},"msg":${message}}`;
}

/** The delivery and the number in an attempt's id. */
function attemptIn(id: Uuid | null): AttemptCursor | null {
  if (!id) return null;
  return {
    deliveryId: `${id.slice(0, 33)}000` as Uuid,
    number: Number.parseInt(id.slice(33), 16) & MAX_ATTEMPT_NUMBER,
  };
}
