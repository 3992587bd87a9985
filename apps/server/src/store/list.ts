import type { Uuid } from '../core/ids.ts';
import { type Statement, statement } from './database.ts';

/**
 * Above every id of ours: what a cursor is where there is none. `$2 is null or id < $2` could not go by the index: a deep
 * page would read all that is before it. Nor could `coalesce($2, …)` under row-level security: it might leak what it sees,
 * so it is asked last.
 */
export const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000' as Uuid;

/** One page of a list that is ordered by id, newest first unless told otherwise. */
export interface Page {
  readonly limit: number;
  readonly offset: number;
  /** Only ids below this one: the cursor, the id of the last row seen. */
  readonly before: Uuid | null;
  /** Ids from here on (inclusive): `since` as an id. */
  readonly from: Uuid | null;
  /** Ids up to here (exclusive): `until` as an id. */
  readonly to: Uuid | null;
  /** Oldest first: the page begins at `from`. */
  readonly isAscending?: boolean;
}

/** The same page, of ids within these alone. */
export function narrowed(page: Page, [first, last]: readonly [Uuid, Uuid]): Page {
  return {
    ...page,
    from: page.from && page.from > first ? page.from : first,
    to: page.to && page.to <= last ? page.to : idAfter(last),
  };
}

/** The least id above this one, which is not the greatest there is. */
export function idAfter(id: Uuid): Uuid {
  const hex = (BigInt(`0x${id.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Uuid;
}

/** A `where` clause and its values, built from those filters that a caller gave. Column names are ours, never input. */
export class Where {
  readonly #conditions: string[] = [];
  readonly #values: unknown[] = [];
  /** The column, and the placeholder of its value, whose index with the id the list goes by. */
  readonly lead: readonly [column: string, placeholder: string];

  /** @param owners columns that have an index with the id, the one that leaves fewest rows first; undefined: not asked for. */
  constructor(owners: readonly (readonly [column: string, value: unknown])[]) {
    const [lead, ...others] = owners.filter(([, value]) => value !== undefined);
    if (!lead) throw new Error('a list belongs to somebody');
    this.lead = [lead[0], this.#placeholder(lead[1])];
    for (const [column, value] of others) this.equals(column, value);
  }

  equals(column: string, value: unknown): this {
    return value === undefined ? this : this.literal(`${column} = ${this.#placeholder(value)}`);
  }

  /** Any condition on a value, where there is one. */
  given(value: unknown, condition: (placeholder: string) => string): this {
    return value === undefined ? this : this.literal(condition(this.#placeholder(value)));
  }

  /** A condition with no input in it. */
  literal(condition: string | undefined): this {
    if (condition) this.#conditions.push(condition);
    return this;
  }

  /** @param before exclusive. @param from inclusive. */
  ids(from: Uuid, before: Uuid): this {
    const [column, owner] = this.lead;
    const [first, end] = [this.#placeholder(from), this.#placeholder(before)];
    return (
      this.literal(`(${column}, id) >= (${owner}, ${first}) and (${column}, id) < (${owner}, ${end})`)
        // Says the same, and which partitions need not be looked at.
        .literal(`id >= ${first} and id < ${end}`)
    );
  }

  get text(): string {
    return this.#conditions.join(' and ');
  }

  get values(): readonly unknown[] {
    return this.#values;
  }

  #placeholder(value: unknown): string {
    this.#values.push(value);
    return `$${this.#values.length}`;
  }
}

/**
 * The statement and values of one page. Limit and offset are numbers that were validated.
 *
 * The comparison of pairs, and the order by the pair, say which index to go by. With `owner = $1 … order by id` the
 * planner, knowing the data, walked the primary key, which is everybody's: 20,000 rows of a large tenant for a page of a
 * small one.
 */
export function pageOf<Row>(select: string, where: Where, page: Page): [Statement<Row>, readonly unknown[]] {
  const text = `${rangeOf(select, where, page)} limit ${page.limit} offset ${page.offset}`;
  return [statement<Row>('', text), where.values];
}

/** The same without an end: for a statement around it that knows when it has enough. */
export function rangeOf(select: string, where: Where, page: Page): string {
  const ends = [page.before, page.to, AFTER_ALL as Uuid].filter((id) => id !== null);
  where.ids(
    page.from ?? BEFORE_ALL,
    ends.reduce((least, id) => (id < least ? id : least)),
  );
  return `${select} where ${where.text} order by ${orderOf(where.lead[0], page)}`;
}

/** @param prefix of the columns, `d.` where the rows are called d. */
export function orderOf(lead: string, { isAscending }: Page, prefix = ''): string {
  const direction = isAscending ? 'asc' : 'desc';
  return `${prefix}${lead} ${direction}, ${prefix}id ${direction}`;
}
