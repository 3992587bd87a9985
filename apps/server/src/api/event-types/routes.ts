import { Type } from 'typebox';
import { listEventTypes } from '../../store/event-type.ts';
import { audit } from '../audit.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { keyedCall, once, sendAnswer } from '../idempotency.ts';
import { listAnswer, pageFrom } from '../paging.ts';
import { ListOf } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { stored } from './definition.ts';
import { presentEventTypeSummary } from './presenter.ts';
import {
  EventTypePatch,
  EventTypePath,
  EventTypeQuery,
  EventTypeSchema,
  EventTypeSummary,
  NewEventType,
} from './schema.ts';
import { storedEventTypes } from './stored-event-types.ts';

const tags = ['Event types'];
const path = '/v1/event-types/:name';

/** The catalogue: the kinds of events there are. */
export function eventTypeRoutes(app: ApiServer, deps: ApiDependencies): void {
  const { tenant } = deps;
  const types = storedEventTypes(deps);

  app.get(
    '/v1/event-types',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listEventTypes',
        tags,
        summary: 'List event types, newest first',
        querystring: EventTypeQuery,
        response: { 200: ListOf(EventTypeSummary) },
      },
    },
    async ({ caller, query }, reply) => {
      const { environmentId } = caller;
      const filter = { environmentId, group: query.group, isArchivedIncluded: query.include_archived ?? false };
      const rows = await listEventTypes(tenant(environmentId), filter, pageFrom('evt', query));
      // Written as it is: a serializer made from the answer's schema would go by what a schema in it says.
      const body = JSON.stringify(listAnswer('evt', query, rows, presentEventTypeSummary));
      return sendAnswer(reply, { answer: { status: 200, body }, isReplay: false });
    },
  );

  app.post(
    '/v1/event-types',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createEventType',
        tags,
        summary: 'Create an event type',
        description: 'Its schema is version 1. An example must satisfy the schema.',
        body: NewEventType,
        response: { 201: EventTypeSchema },
      },
    },
    async (request, reply) => {
      const { caller, body } = request;
      const { name, ...rest } = body;
      const wanted = { name, change: changeFrom(rest), at: '', isNew: true };
      const outcome = await types.save(caller, [wanted], (write) =>
        once(deps, caller, keyedCall(request, null), (tx) =>
          write(tx, async () => {
            await audit(tx, request, 'event_type.create', name);
            return { status: 201, body: await types.present(tx, caller.environmentId, name) };
          }),
        ),
      );
      return sendAnswer(reply, outcome);
    },
  );

  app.get(
    path,
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getEventType',
        tags,
        summary: 'Read an event type, with every version of its schema',
        params: EventTypePath,
        response: { 200: EventTypeSchema },
      },
    },
    async ({ caller, params }, reply) => {
      const { name } = await types.find(caller, params.name);
      const body = await types.present(tenant(caller.environmentId), caller.environmentId, name);
      return sendAnswer(reply, { answer: { status: 200, body }, isReplay: false });
    },
  );

  app.patch(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'updateEventType',
        tags,
        summary: 'Change an event type; what is left out stays',
        description:
          'A schema that differs from the one in force is the next version. A schema cannot be taken away: `{}` takes anything.',
        params: EventTypePath,
        body: EventTypePatch,
        response: { 200: EventTypeSchema },
      },
    },
    async (request, reply) => {
      const { caller, body } = request;
      const { name } = await types.find(caller, request.params.name);
      const changes = [{ name, change: changeFrom(body), at: '' }];
      const text = await types.save(caller, changes, (write) =>
        tenant(caller.environmentId).transaction((tx) =>
          write(tx, async () => {
            await audit(tx, request, 'event_type.update', name, { fields: Object.keys(body) });
            return types.present(tx, caller.environmentId, name);
          }),
        ),
      );
      return sendAnswer(reply, { answer: { status: 200, body: text }, isReplay: false });
    },
  );

  app.delete(
    path,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'archiveEventType',
        tags,
        summary: 'Archive an event type: out of use, but still to be read; again is no error',
        params: EventTypePath,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { caller } = request;
      const { name } = await types.find(caller, request.params.name);
      await types.save(caller, [{ name, change: { archived: true }, at: '' }], (write) =>
        tenant(caller.environmentId).transaction((tx) =>
          write(tx, async ({ updated }) => {
            if (updated.length > 0) await audit(tx, request, 'event_type.archive', name);
          }),
        ),
      );
      return reply.code(204).send(null);
    },
  );
}

function changeFrom<Body extends { schema?: object; example?: unknown }>(body: Body): Body {
  return { ...body, schema: stored(body.schema, '/schema'), example: stored(body.example, '/example') };
}
