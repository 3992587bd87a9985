import { publicId, timeOf, type Uuid } from '../../core/ids.ts';
import type { DeliveryRow } from '../../store/delivery.ts';
import type { MessageRow, MessageSummaryRow } from '../../store/message.ts';
import { presentDelivery } from '../deliveries/presenter.ts';

/** When a message was accepted: its id says so. */
export function createdAt(id: Uuid): string {
  return new Date(timeOf(id)).toISOString();
}

export function presentMessageSummary(row: MessageSummaryRow) {
  return {
    id: publicId('msg', row.id),
    event_type: row.event_type,
    event_id: row.event_id,
    app_id: publicId('app', row.application_id),
    channels: row.channels,
    created_at: createdAt(row.id),
  };
}

/** JSON text of a whole message. The payload goes in as its own text: parsed and printed, `1.0` would become `1`. */
export function presentMessage(row: MessageRow, deliveries: readonly DeliveryRow[]): string {
  const rest = JSON.stringify({
    ...presentMessageSummary(row),
    headers: row.headers ?? {},
    fanout: row.matching.filter((match) => match.matched).length,
    deliveries: deliveries.map(presentDelivery),
    matching: row.matching,
    payload_errors: row.payload_errors,
  });
  return `${rest.slice(0, -1)},"payload":${row.payload}}`;
}
