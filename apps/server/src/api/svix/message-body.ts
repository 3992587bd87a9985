import { type Static, Type } from 'typebox';
import { invalidFields } from '../../errors.ts';
import { payloadOf } from '../messages/payload.ts';
import { NewMessage } from '../messages/schema.ts';
import { Nullable, Strict } from '../schema.ts';
import { ApplicationIn } from './applications.ts';
import { Unsupported } from './schema.ts';

/** What a message is made of, from Svix's words to ours. */

const { event_type, event_id, channels, deliver_at, payload } = NewMessage.properties;

/** `messageInRaw` of the client: a payload that is text already, and goes out as it is. */
const RawPayload = Strict({
  // JSON takes a half of a surrogate pair as it is, and it would be sent as another character.
  rawPayload: Type.String({ format: 'text' }),
  headers: Type.Optional(Strict({ 'content-type': Type.Literal('application/json') })),
});

export const MessageIn = Strict({
  eventId: Type.Optional(Nullable(event_id)),
  eventType: event_type,
  payload,
  channels: Type.Optional(Nullable(channels)),
  application: Type.Optional(Nullable(ApplicationIn)),
  tags: Unsupported,
  transformationsParams: Type.Optional(Nullable(RawPayload)),
  deliverAt: Type.Optional(Nullable(deliver_at)),
  payloadRetentionPeriod: Unsupported,
  payloadRetentionHours: Unsupported,
});
export type MessageIn = Static<typeof MessageIn>;

/** The same as `/v1` takes it. */
export function newMessage(body: MessageIn): Static<typeof NewMessage> {
  return {
    event_type: body.eventType,
    payload: body.payload,
    ...(body.eventId != null && { event_id: body.eventId }),
    ...(body.channels != null && { channels: body.channels }),
    ...(body.deliverAt != null && { deliver_at: body.deliverAt }),
  };
}

/** The payload's own text. @throws Problem `validation_failed` or `payload_too_large`. */
export function payloadText(rawBody: string, body: MessageIn): string {
  const raw = body.transformationsParams?.rawPayload;
  if (raw === undefined) return payloadOf(rawBody);
  try {
    JSON.parse(raw);
  } catch {
    throw invalidFields([{ path: '/transformationsParams/rawPayload', message: 'must be a JSON object or array' }]);
  }
  return payloadOf(`{"payload":${raw}}`);
}
