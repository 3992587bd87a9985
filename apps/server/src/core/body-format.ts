import type { BodyFormat } from './environment.ts';
import { publicId, timeOf, type Uuid } from './ids.ts';

/** What a body is made of. */
interface Content {
  readonly messageId: Uuid;
  readonly eventType: string;
  /** The producer's own id of the event, if it gave one. */
  readonly eventId: string | null;
  /** JSON text, as posted. */
  readonly payload: string;
}

/**
 * The body of a delivery. Texts are joined and never parsed, so that in every format the payload is byte for byte what was
 * posted. The same on every try.
 */
export function bodyIn(format: BodyFormat, { messageId, eventType, eventId, payload }: Content): string {
  if (format === 'raw') return payload;
  const type = JSON.stringify(eventType);
  if (format === 'event') {
    const id = JSON.stringify(eventId ?? publicId('msg', messageId));
    return `{"event_id":${id},"type":${type},"data":{"object":${payload}}}`;
  }
  // When it was accepted.
  const timestamp = new Date(timeOf(messageId)).toISOString();
  return `{"type":${type},"timestamp":"${timestamp}","data":${payload}}`;
}
