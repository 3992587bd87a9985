import type { Static } from 'typebox';
import { parseId, publicId, type Uuid } from '../../core/ids.ts';
import type { Selection } from '../../core/matcher.ts';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { invalidFields } from '../../errors.ts';
import { createdAt } from './presenter.ts';
import type { NewMessage } from './schema.ts';
import type { Sending } from './sending.ts';

/**
 * A message for all endpoints of an application that match it, from a valid body.
 *
 * @param payload its own text (payload.ts).
 * @throws Problem `validation_failed` where an endpoint of `endpoint_ids` is not one of the application's.
 */
export function publication(application: ApplicationEntry, body: Static<typeof NewMessage>, payload: string) {
  const matched = application.match(selectionOf(application, body));
  return {
    application: application.id,
    environment: application.environment,
    eventType: body.event_type,
    eventId: body.event_id,
    payload,
    headers: body.headers,
    channels: body.channels,
    deliverAt: body.deliver_at,
    matched,
    answer: ({ id }) => ({
      id: publicId('msg', id),
      message_id: publicId('msg', id),
      event_type: body.event_type,
      fanout: matched.endpoints.length,
      created_at: createdAt(id),
    }),
  } satisfies Sending;
}

function selectionOf(application: ApplicationEntry, body: Static<typeof NewMessage>): Selection {
  return {
    eventType: body.event_type,
    channels: body.channels ?? null,
    endpointIds: body.endpoint_ids ? subset(application, body.endpoint_ids) : null,
  };
}

function subset(application: ApplicationEntry, endpointIds: readonly string[]): ReadonlySet<Uuid> {
  const ids = new Set<Uuid>();
  endpointIds.forEach((text, n) => {
    const id = parseId('ep', text);
    if (!id || !application.endpoint(id)) {
      throw invalidFields([{ path: `/endpoint_ids/${n}`, message: 'is not an endpoint of this application' }]);
    }
    ids.add(id);
  });
  return ids;
}
