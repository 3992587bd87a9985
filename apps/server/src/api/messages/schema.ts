import { Type } from 'typebox';
import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from '../../core/event-type.ts';
import { DeliverySchema } from '../deliveries/schema.ts';
import { Channels, Headers, Id, Nullable, PageQuery, Strict, Text, TimeRangeQuery, Timestamp } from '../schema.ts';

export const EventType = Type.String({
  pattern: EVENT_TYPE_PATTERN,
  maxLength: EVENT_TYPE_MAX,
  examples: ['invoice.paid'],
});

/** Any JSON object or array. Its own text is what is sent; see payload.ts. */
export const Payload = Type.Unsafe<unknown>({
  type: ['object', 'array'],
  description: 'Any JSON object or array, up to 256 KiB; endpoints get exactly these bytes',
  examples: [{ id: 'inv_1', amount: 1250 }],
});

const DeliverAt = Type.String({
  format: 'date-time',
  description: 'Not to be sent before: up to 30 days ahead. A time that has passed means at once',
});

export const NewMessage = Strict({
  event_type: EventType,
  payload: Payload,
  endpoint_ids: Type.Optional(
    Type.Array(Id('ep'), { minItems: 1, maxItems: 100, description: 'Only these of the matching endpoints' }),
  ),
  event_id: Type.Optional(Text({ minLength: 1, maxLength: 256, description: 'Your own id of the event' })),
  channels: Type.Optional(Channels),
  headers: Type.Optional(Headers),
  deliver_at: Type.Optional(DeliverAt),
});

const MAX_BATCH = 500;

export const Batch = Strict({ messages: Type.Array(NewMessage, { minItems: 1, maxItems: MAX_BATCH }) });

/** A batch before its messages are looked at: each of them is right or wrong on its own. */
export const BatchEnvelope = Strict({ messages: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH }) });

export const DirectSend = Strict({
  destination: Type.String({ maxLength: 2048, description: 'An endpoint id, or an `https://` URL' }),
  event_type: EventType,
  payload: Payload,
  headers: Type.Optional(Headers),
  deliver_at: Type.Optional(DeliverAt),
});

export const WebhookSend = Strict({
  endpoint_id: Id('ep'),
  payload: Payload,
  event_type: Type.Optional(EventType),
  headers: Type.Optional(Headers),
  idempotency_key: Type.Optional(Type.String({ description: 'The same as the Idempotency-Key header' })),
});

export const MessageAccepted = Type.Object({
  id: Id('msg'),
  message_id: Id('msg'),
  event_type: Type.String(),
  fanout: Type.Integer({ description: 'How many endpoints it goes to; 0 is a success too' }),
  created_at: Timestamp,
});

/** What a message of a batch was refused for: what it would have been answered alone, as far as it says why. */
const Refused = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'As in a problem: branch on this' }),
    detail: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ path: Type.String({ description: 'A JSON pointer into the message' }), message: Type.String() }),
      ),
    ),
    reset_at: Type.Optional(Type.String({ description: 'Of `quota_exceeded`: when the quota begins anew' })),
  }),
});

export const BatchAccepted = Type.Object({
  results: Type.Array(Type.Union([MessageAccepted, Refused]), { description: 'One per message, in order' }),
});
export const EventAccepted = Type.Object({ message_id: Id('msg'), fanout: Type.Integer() });
export const DirectAccepted = Type.Object({
  message_id: Id('msg'),
  delivery_id: Nullable(Id('dlv', 'Null where the endpoint is disabled')),
  endpoint_id: Id('ep'),
});
export const WebhookQueued = Type.Object({ message_id: Id('msg'), status: Type.Literal('queued') });

export const MessageSummary = Type.Object({
  id: Id('msg'),
  event_type: Type.String(),
  event_id: Nullable(Type.String()),
  app_id: Id('app'),
  channels: Nullable(Type.Array(Type.String())),
  created_at: Timestamp,
});

export const MessageSchema = Type.Object({
  ...MessageSummary.properties,
  payload: Payload,
  headers: Type.Record(Type.String(), Type.String()),
  fanout: Type.Integer(),
  deliveries: Type.Array(DeliverySchema),
  matching: Type.Array(
    Type.Object({
      endpoint_id: Id('ep'),
      matched: Type.Boolean(),
      reason: Type.String({ description: 'Why it did or did not match when the message was accepted' }),
    }),
  ),
  payload_errors: Nullable(
    Type.Array(
      Type.Object({ path: Type.String({ description: 'A JSON pointer: /payload/…' }), message: Type.String() }),
      {
        description:
          'Where the payload breaks the schema of its event type; null: nowhere, or the environment does not look. At most 20',
      },
    ),
  ),
});

export const MessageQuery = Strict({
  ...PageQuery,
  ...TimeRangeQuery,
  event_type: Type.Optional(EventType),
  application: Type.Optional(Type.String({ maxLength: 256 })),
});
