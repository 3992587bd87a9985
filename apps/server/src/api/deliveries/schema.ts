import { Type } from 'typebox';
import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import { Id, Nullable, PageQuery, Strict, TimeRangeQuery, Timestamp } from '../schema.ts';
import { ATTEMPT_ERROR_DESCRIPTION, DELIVERY_ERROR_DESCRIPTION } from './error-codes.ts';

const Status = Type.Union([
  Type.Literal('PENDING'),
  Type.Literal('SENDING'),
  Type.Literal('SENT'),
  Type.Literal('FAILED'),
]);

export const DeliverySchema = Type.Object({
  id: Id('dlv'),
  message_id: Id('msg'),
  endpoint_id: Id('ep'),
  app_id: Id('app'),
  event_type: Type.String(),
  status: Status,
  attempt_count: Type.Integer(),
  next_attempt_at: Nullable(Timestamp),
  last_status_code: Nullable(Type.Integer()),
  last_error: Nullable(Type.String({ description: DELIVERY_ERROR_DESCRIPTION })),
  created_at: Timestamp,
  completed_at: Nullable(Timestamp),
});

export const DeliveryDetail = Type.Object({
  ...DeliverySchema.properties,
  held_by: Nullable(
    Type.Union(
      [Type.Literal('paused'), Type.Literal('circuit_open'), Type.Literal('rate_limit'), Type.Literal('fifo')],
      {
        description:
          'What keeps a PENDING delivery from being sent, no attempt spent: somebody paused the endpoint; its circuit ' +
          'breaker is open; it is at its limit (`rate_limit`, `max_in_flight`, or the slow start after a hold); or an ' +
          'older message of a `fifo` endpoint is not finished. Null where nothing does: it is due, or waits for its own ' +
          '`next_attempt_at`',
      },
    ),
  ),
  held_until: Nullable(
    Type.String({ ...Timestamp, description: 'When the hold ends at the earliest; null where that is not known' }),
  ),
  waits_for: Nullable(Id('dlv', 'Held by `fifo`: the delivery that must be SENT or FAILED first')),
});

const HeaderMap = Type.Record(Type.String(), Type.String());
const Milliseconds = Nullable(Type.Integer());

export const AttemptSchema = Type.Object({
  id: Id('att'),
  number: Type.Integer(),
  trigger: Type.String(),
  status: Type.Union([Type.Literal('success'), Type.Literal('failure')]),
  url: Type.String(),
  request_headers: HeaderMap,
  response_status: Nullable(Type.Integer()),
  response_headers: Nullable(HeaderMap),
  response_body: Nullable(Type.String({ description: 'Its first 4 KB, as text' })),
  error: Nullable(
    Type.Object({
      code: Type.String({ description: ATTEMPT_ERROR_DESCRIPTION }),
      message: Type.String({ description: 'For people; may change' }),
    }),
  ),
  duration_ms: Type.Integer(),
  timings: Type.Object({ dns: Milliseconds, connect: Milliseconds, tls: Milliseconds, first_byte: Milliseconds }),
  started_at: Timestamp,
});

export const DeliveryQuery = Strict({
  ...PageQuery,
  ...TimeRangeQuery,
  status: Type.Optional(Status),
  endpoint_id: Type.Optional(Id('ep')),
  message_id: Type.Optional(Id('msg')),
  event_type: Type.Optional(Type.String({ pattern: EVENT_TYPE_PATTERN, maxLength: EVENT_TYPE_MAX })),
  application: Type.Optional(Type.String({ maxLength: 256 })),
});
