import { publicId, timeOf, type Uuid } from '../../core/ids.ts';
import type { MessageSummaryRow } from '../../store/message.ts';

/** What a message shows where its payload was not asked for. */
export const NO_CONTENT = '{}';

/** When something was made: its id says so. */
export function timestampOf(id: Uuid): string {
  return new Date(timeOf(id)).toISOString();
}

/** JSON text of a message. The payload goes in as its own text: parsed and printed, `1.0` would become `1`. */
export function messageText(row: MessageSummaryRow, payload: string, more: object = {}): string {
  const rest = JSON.stringify({
    eventId: row.event_id,
    eventType: row.event_type,
    channels: row.channels,
    id: publicId('msg', row.id),
    timestamp: timestampOf(row.id),
    tags: null,
    deliverAt: null,
    ...more,
  });
  return `${rest.slice(0, -1)},"payload":${payload}}`;
}
