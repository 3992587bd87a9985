import type { Static } from 'typebox';
import { parseId, type Uuid } from '../../core/ids.ts';
import type { Selection } from '../../core/matcher.ts';
import type { ApplicationEntry } from '../../directory/application-entry.ts';
import { invalidFields } from '../../errors.ts';
import type { NewMessage } from './schema.ts';

/**
 * What a published message asks for.
 *
 * @throws Problem `validation_failed` where an endpoint of `endpoint_ids` is not one of the application's.
 */
export function selectionOf(application: ApplicationEntry, body: Static<typeof NewMessage>): Selection {
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
