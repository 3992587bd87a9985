import { invalidFields } from '../../errors.ts';

/** How far ahead a message may be scheduled. What is in flight is kept, however long; docs/limits.md says what comes after. */
const MOST_DAYS = 30;

/**
 * When a message is to be sent; null for at once.
 *
 * @param text RFC 3339, as the schema has checked.
 * @throws Problem `validation_failed` where it is too far ahead.
 */
export function deliverAt(text: string | undefined, now = Date.now()): Date | null {
  if (text === undefined) return null;
  const at = Date.parse(text);
  if (at <= now) return null;
  if (at <= now + MOST_DAYS * 86_400_000) return new Date(at);
  throw invalidFields([{ path: '/deliver_at', message: `must be at most ${MOST_DAYS} days ahead` }]);
}
