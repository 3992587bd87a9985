/** `invoice.created`: dotted words of letters, digits, `_` and `-`; 1 to 128 characters. */
export const EVENT_TYPE_PATTERN = '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$';
/** What an endpoint may listen to: one event type, a dotted prefix `invoice.*`, or `*`. */
export const EVENT_FILTER_PATTERN = '^(\\*|[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*(\\.\\*)?)$';
export const EVENT_TYPE_MAX = 128;

export type FilterReason = 'all_events' | 'event_type' | 'event_prefix';

/** Which of an endpoint's filters lets an event type through, or null. `invoice.*` takes `invoice.paid`, not `invoice`. */
export function matchFilters(filters: readonly string[], eventType: string): FilterReason | null {
  for (const filter of filters) {
    if (filter === '*') return 'all_events';
    if (filter === eventType) return 'event_type';
    if (filter.endsWith('.*') && eventType.startsWith(filter.slice(0, -1))) return 'event_prefix';
  }
  return null;
}
