import { Type } from 'typebox';
import { invalidFields, Problem } from '../../errors.ts';
import { type EventTypeRow, findEventType } from '../../store/event-type.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { storedEndpoints } from '../endpoints/stored-endpoints.ts';
import { EventType } from '../messages/schema.ts';
import { addressed, createSender } from '../messages/sending.ts';
import { Strict } from '../schema.ts';
import type { ApiServer } from '../server.ts';
import { messageText } from './message-presenter.ts';
import { EndpointPath } from './schema.ts';

const ExampleIn = Strict({
  eventType: EventType,
  exampleIndex: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
});

/** Sends what the catalogue has for an example of an event type. */
export function endpointExample(app: ApiServer, deps: ApiDependencies): void {
  const { tenant, directory } = deps;
  const send = createSender(deps);
  const endpoints = storedEndpoints(deps);

  app.post(
    '/app/:app_id/endpoint/:endpoint_id/send-example',
    { config: { access: 'write' }, schema: { hide: true, params: EndpointPath, body: ExampleIn } },
    async (request, reply) => {
      const { caller, params, body } = request;
      const row = await endpoints.find(caller, { app_id: params.app_id, id: params.endpoint_id });
      const endpoint = await directory.open(row);
      if (endpoint.status === 'disabled') throw new Problem('endpoint_not_active', 'enable the endpoint first');
      const { eventType } = body;
      const known = await findEventType(tenant(caller.environmentId), caller.environmentId, eventType);
      const example = known && examplesOf(known)[body.exampleIndex ?? 0];
      if (example === undefined) {
        throw invalidFields([{ path: '/eventType', message: 'has no such example in the catalogue' }]);
      }
      const payload = JSON.stringify(example);
      return send(request, reply, {
        ...{ application: endpoint.applicationId, eventType, payload },
        matched: addressed(endpoint),
        trigger: 'test',
        answer: ({ id }) => {
          const made = { id, application_id: endpoint.applicationId, event_type: eventType };
          return messageText({ ...made, event_id: null, channels: null }, payload);
        },
      });
    },
  );
}

/** Its own, and those that its schema carries; what is no object or array cannot be a payload. */
function examplesOf({ example, schema }: EventTypeRow): object[] {
  const among: unknown[] = Array.isArray(schema?.examples) ? schema.examples : [];
  return [example, ...among].filter((each) => typeof each === 'object' && each !== null);
}
