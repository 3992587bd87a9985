import type { Caller } from '../../auth/authenticate.ts';
import { NOT_HELD } from '../../core/hold.ts';
import { attemptId, MAX_ATTEMPT_NUMBER, parseId, publicId, type Uuid } from '../../core/ids.ts';
import { invalidFields, notFound, Problem } from '../../errors.ts';
import { listAttempts } from '../../store/attempt.ts';
import { listDeliveries, readDelivery, readHold, retryDelivery } from '../../store/delivery.ts';
import { applicationFilter, type Mount, pathOf, type ScopedPath } from '../application-scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { Id, ListOf, PageQuery, Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { presentAttempt, presentDelivery, presentHold } from './presenter.ts';
import { AttemptSchema, DeliveryDetail, DeliveryQuery, DeliverySchema } from './schema.ts';

const tags = ['Deliveries'];

export function deliveryRoutes(app: ApiServer, deps: ApiDependencies, mount: Mount): void {
  const { tenant, directory } = deps;
  const path = `${mount.prefix}/deliveries`;
  const item = pathOf(mount, { id: Id('dlv') });
  const operation = (name: string) => (mount.isScoped ? `${name}OfApplication` : name);

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('listDeliveries'),
        tags,
        summary: 'List deliveries, newest first',
        params: pathOf(mount, {}),
        querystring: DeliveryQuery,
        response: { 200: ListOf(DeliverySchema) },
      },
    },
    async (request) => {
      const { query, caller } = request;
      const appId = (request.params as ScopedPath).app_id ?? query.application;
      const endpointId = idIn('ep', query.endpoint_id);
      const messageId = idIn('msg', query.message_id);
      const applicationId = await applicationFilter(directory, caller, appId);
      // An id that cannot exist has no deliveries.
      if (endpointId === null || messageId === null) return listAnswer('dlv', query, [], presentDelivery);
      const { rows, lookedTo } = await listDeliveries(
        tenant(caller.environmentId),
        {
          environmentId: caller.environmentId,
          applicationId: applicationId ?? undefined,
          endpointId,
          messageId,
          eventType: query.event_type,
          status: query.status,
        },
        pageFrom('dlv', query),
      );
      return listAnswer('dlv', query, rows, presentDelivery, lookedTo);
    },
  );

  app.get(
    `${path}/:id`,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('getDelivery'),
        tags,
        summary: 'Read a delivery, and what it waits for',
        params: item,
        response: { 200: DeliveryDetail },
      },
    },
    async (request) => {
      const row = await find(request.caller, request.params);
      const hold =
        row.status === 'PENDING'
          ? await readHold(tenant(request.caller.environmentId), request.caller.environmentId, row.id)
          : NOT_HELD;
      return { ...presentDelivery(row), ...presentHold(hold) };
    },
  );

  app.get(
    `${path}/:id/attempts`,
    {
      config: { access: 'read' },
      schema: {
        operationId: operation('listAttempts'),
        tags,
        summary: 'List the attempts of a delivery, newest first',
        params: item,
        querystring: Strict(PageQuery),
        response: { 200: ListOf(AttemptSchema) },
      },
    },
    async (request) => {
      const { query, caller } = request;
      const delivery = await find(caller, request.params);
      const { limit, offset, before } = pageFrom('att', query);
      const rows = await listAttempts(tenant(caller.environmentId), caller.environmentId, delivery.id, {
        limit,
        offset,
        before: before && attemptNumberIn(before, delivery.id),
      });
      const numbered = rows.map((row) => ({ ...row, id: attemptId(row.delivery_id, row.number) }));
      return listAnswer('att', query, numbered, presentAttempt);
    },
  );

  app.post(
    `${path}/:id/retry`,
    {
      config: { access: 'write' },
      schema: {
        operationId: operation('retryDelivery'),
        tags,
        summary: 'Try a FAILED delivery again, now',
        params: item,
        response: { 202: DeliverySchema },
      },
    },
    async (request, reply) => {
      const { caller } = request;
      const delivery = await find(caller, request.params);
      const outcome = await once(deps, caller, keyedCall(request, delivery.application_id), async (tx) => {
        const retried = await retryDelivery(tx, caller.environmentId, delivery.application_id, delivery.id, 'manual');
        if (!retried) {
          const state = delivery.status === 'FAILED' ? `tried ${delivery.attempt_count} times` : delivery.status;
          throw new Problem('delivery_not_failed', `delivery ${publicId('dlv', delivery.id)} is ${state}`);
        }
        return { status: 202, body: JSON.stringify(presentDelivery(retried)) };
      });
      deps.wakeWorker();
      return sendAnswer(reply, outcome);
    },
  );

  async function find(caller: Caller, params: ScopedPath & { id: string }) {
    const id = parseId('dlv', params.id);
    const row =
      id &&
      (await readDelivery(
        tenant(caller.environmentId),
        caller.environmentId,
        await applicationFilter(directory, caller, params.app_id),
        id,
      ));
    if (!row) throw notFound('delivery');
    return row;
  }
}

/** Undefined where no id is given, null where the text is none. */
function idIn(prefix: 'ep' | 'msg', text: string | undefined): Uuid | null | undefined {
  return text === undefined ? undefined : parseId(prefix, text);
}

/** The attempt number in a cursor. @throws Problem `validation_failed` where it is of another delivery. */
function attemptNumberIn(cursor: Uuid, delivery: Uuid): number {
  const number = Number.parseInt(cursor.slice(-3), 16) & MAX_ATTEMPT_NUMBER;
  if (attemptId(delivery, number) !== cursor) {
    throw invalidFields([{ path: 'cursor', message: 'is not a next_cursor of this list' }]);
  }
  return number;
}
