import { Type } from 'typebox';
import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import { Id, Nullable, PageQuery, Strict, TimeRangeQuery, Timestamp } from '../schema.ts';

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
  last_error: Nullable(Type.String()),
  created_at: Timestamp,
  completed_at: Nullable(Timestamp),
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
  error: Nullable(Type.Object({ code: Type.String(), message: Type.String() })),
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
