import { validate } from '../core/json-schema/validate.ts';
import { Problem } from '../errors.ts';
import type { Directory } from './directory.ts';
import type { EnvironmentEntry } from './environment-entry.ts';

/**
 * Holds a message against the catalogue of its environment, as far as the environment says so. For those that have a
 * catalogue to be held against; all others are not to come by here.
 *
 * @param message its payload as JSON text.
 * @returns what is stored with it: a JSON array of its faults, or null for none.
 * @throws Problem `unknown_event_type` or `payload_invalid`.
 */
export async function checkByCatalogue(
  directory: Directory,
  { environment, catalogue }: EnvironmentEntry,
  message: { readonly eventType: string; readonly payload: string },
): Promise<string | null> {
  const type = catalogue?.get(message.eventType);
  if (!type) {
    if (!catalogue || !environment.strictEventTypes) return null;
    const fault = { path: '/event_type', message: 'is not in the catalogue' };
    throw new Problem('unknown_event_type', `${message.eventType} is not in the catalogue, or archived`, [fault]);
  }
  if (environment.payloadValidation === 'off') return null;
  const schema = await directory.schemaOf(environment.id, type);
  if (!schema) return null;
  const faults = validate(schema, JSON.parse(message.payload), Buffer.byteLength(message.payload));
  const [first] = faults;
  if (!first) return null;
  const errors = faults.map(({ path, message: text }) => ({ path: `/payload${path}`, message: text }));
  if (environment.payloadValidation === 'mark') return JSON.stringify(errors);
  throw new Problem('payload_invalid', `/payload${first.path}: ${first.message}`, errors);
}
