import { PAYLOAD_LIMIT } from '../../core/payload.ts';
import { memberSource } from '../../core/raw-json.ts';
import { invalidFields, Problem } from '../../errors.ts';

/**
 * The payload's own text out of a request body, byte for byte.
 *
 * @throws Problem `validation_failed` where it is not an object or array, `payload_too_large` over the limit.
 */
export function payloadOf(rawBody: string): string {
  const payload = memberSource(rawBody, 'payload');
  if (payload === null || (payload[0] !== '{' && payload[0] !== '[')) {
    throw invalidFields([{ path: '/payload', message: 'must be a JSON object or array' }]);
  }
  const bytes = Buffer.byteLength(payload);
  if (bytes > PAYLOAD_LIMIT) {
    throw new Problem('payload_too_large', `the payload has ${bytes} bytes; the limit is ${PAYLOAD_LIMIT}`);
  }
  return payload;
}
