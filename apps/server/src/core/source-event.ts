import { EVENT_TYPE_MAX, EVENT_TYPE_PATTERN } from './event-type.ts';
import { PAYLOAD_LIMIT } from './payload.ts';

/** Where the event type of a source's messages stands: always the same, in a header, or a member of the payload. */
export type EventTypeRule =
  | { readonly value: string }
  | { readonly header: string }
  /** Of a payload that is an object, at its top. */
  | { readonly field: string };

/** A message of a queue, as far as it tells what it is. */
export interface QueuedMessage {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is wrong with a message itself: however often it comes, it will be no event. */
export type RejectionReason =
  | 'payload_too_large'
  | 'payload_not_json'
  | 'event_type_missing'
  | 'event_type_invalid'
  | 'unknown_event_type'
  | 'payload_invalid';

export type ReadEvent =
  | { readonly ok: true; readonly eventType: string; readonly payload: string }
  | { readonly ok: false; readonly reason: RejectionReason; readonly detail: string };

const EVENT_TYPE = new RegExp(EVENT_TYPE_PATTERN);

/** The event that a message of a queue is. Its payload is the message's own text, as it stands. */
export function readEvent(rule: EventTypeRule, { body, headers }: QueuedMessage): ReadEvent {
  if (body.length > PAYLOAD_LIMIT) {
    return rejected('payload_too_large', `the message has ${body.length} bytes; the limit is ${PAYLOAD_LIMIT}`);
  }
  const read = parsed(body);
  if (!read) return rejected('payload_not_json', 'the message is not a JSON object or array in UTF-8');
  const eventType = eventTypeOf(rule, read.value, headers);
  if (typeof eventType !== 'string' || eventType === '') {
    return rejected('event_type_missing', `there is no ${described(rule)} with the event type`);
  }
  if (eventType.length > EVENT_TYPE_MAX || !EVENT_TYPE.test(eventType)) {
    return rejected(
      'event_type_invalid',
      `${described(rule)} holds no event type: dotted words of letters, digits, _, -`,
    );
  }
  return { ok: true, eventType, payload: read.text };
}

function rejected(reason: RejectionReason, detail: string): ReadEvent {
  return { ok: false, reason, detail };
}

/** Null where it is no object or array. */
function parsed(body: Uint8Array): { readonly text: string; readonly value: object } | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { text: text.trim(), value } : null;
  } catch {
    return null;
  }
}

function eventTypeOf(rule: EventTypeRule, payload: object, headers: QueuedMessage['headers']): unknown {
  if ('value' in rule) return rule.value;
  if ('field' in rule) {
    const isThere = !Array.isArray(payload) && Object.hasOwn(payload, rule.field);
    return isThere ? Reflect.get(payload, rule.field) : undefined;
  }
  const wanted = rule.header.toLowerCase();
  // Not every broker holds the case of their names for nothing.
  return Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function described(rule: EventTypeRule): string {
  if ('header' in rule) return `header ${rule.header}`;
  return 'field' in rule ? `member ${rule.field} of the payload` : 'value';
}
