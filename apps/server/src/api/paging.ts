import { firstIdAt, type IdPrefix, parseId, publicId, type Uuid } from '../core/ids.ts';
import { invalidFields } from '../errors.ts';
import type { Page } from '../store/list.ts';
import type { PageParameters } from './schema.ts';

/** The page a query asks for. @throws Problem `validation_failed` where the cursor is not one of ours. */
export function pageFrom(prefix: IdPrefix, query: PageParameters): Page {
  return {
    // One more than asked for tells whether there is a next page.
    limit: limitOf(query) + 1,
    offset: query.offset ?? 0,
    before: cursorId(prefix, query.cursor),
    from: query.since === undefined ? null : firstIdAt(Date.parse(query.since)),
    to: query.until === undefined ? null : firstIdAt(Date.parse(query.until)),
  };
}

function cursorId(prefix: IdPrefix, cursor: string | undefined): Uuid | null {
  if (cursor === undefined) return null;
  const id = parseId(prefix, cursor);
  if (!id) throw invalidFields([{ path: 'cursor', message: 'is not a next_cursor of this list' }]);
  return id;
}

function limitOf(query: PageParameters): number {
  return query.limit ?? 20;
}

/**
 * The list as answered, from the rows of `pageFrom`. The cursor is the id of the last row shown, or of the last that was
 * looked at for this page where there may be more.
 */
export function listAnswer<Row extends { id: Uuid }, Item>(
  prefix: IdPrefix,
  query: PageParameters,
  rows: readonly Row[],
  present: (row: Row) => Item,
  lookedTo: Row | null = null,
) {
  const limit = limitOf(query);
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : lookedTo;
  return {
    data: shown.map(present),
    next_cursor: last ? publicId(prefix, last.id) : null,
    limit,
    ...(query.offset !== undefined && { offset: query.offset }),
  };
}
