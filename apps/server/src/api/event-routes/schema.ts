import { Type } from 'typebox';
import { EventType } from '../messages/schema.ts';
import { Id, Strict, Timestamp } from '../schema.ts';

export const RouteTarget = Strict({
  endpoint_ids: Type.Array(Id('ep'), {
    minItems: 1,
    maxItems: 100,
    uniqueItems: true,
    description: 'Endpoints of the default application',
  }),
});

export const RouteSchema = Type.Object({
  id: Id('rt'),
  event_type: Type.String(),
  endpoint_ids: Type.Array(Id('ep'), {
    description: 'In the order in which they were made. An endpoint that is deleted drops out, even the last one',
  }),
  created_at: Timestamp,
  updated_at: Timestamp,
});

export const NewRoutePath = Type.Object({ event_type: EventType });
/** Of a route that is there: one that cannot be is not found like any other. */
export const RoutePath = Type.Object({ event_type: Type.String({ maxLength: 256 }) });
