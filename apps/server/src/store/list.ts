import type { Uuid } from '../core/ids.ts';
import { type Queryable, type Statement, statement } from './database.ts';

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
  readonly #filters: string[] = [];
  readonly #range: string[] = [];
  readonly #values: unknown[] = [];
  /** The column, and the placeholder of its value, whose index with the id the list goes by. */
  readonly lead: readonly [column: string, placeholder: string];

  /** @param owners columns that have an index with the id, the one that leaves fewest rows first; undefined: not asked for. */
  constructor(owners: readonly (readonly [column: string, value: unknown])[]) {
    const [lead, ...others] = owners.filter(([, value]) => value !== undefined);
    if (!lead) throw new Error('a list belongs to somebody');
    this.lead = [lead[0], this.#placeholder(lead[1])];
    for (const [column, value] of others) this.indexed(`${column} = ${this.#placeholder(value)}`);
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
    if (condition) this.#filters.push(condition);
    return this;
  }

  /** A condition that leaves nothing to be read in vain: an index has no others, or what is the lead's all has it. */
  indexed(condition: string | undefined): this {
    if (condition) this.#range.push(condition);
    return this;
  }

  /** @param before exclusive. @param from inclusive. */
  ids(from: Uuid, before: Uuid): this {
    const [column, owner] = this.lead;
    const [first, end] = [this.#placeholder(from), this.#placeholder(before)];
    return (
      this.indexed(`(${column}, id) >= (${owner}, ${first}) and (${column}, id) < (${owner}, ${end})`)
        // Says the same, and which partitions need not be looked at.
        .indexed(`id >= ${first} and id < ${end}`)
    );
  }

  /** All of it. */
  get text(): string {
    return [...this.#range, ...this.#filters].join(' and ');
  }

  /** What nothing is read in vain for. */
  get range(): string {
    return this.#range.join(' and ');
  }

  /** What each row of that is asked; null: nothing. */
  get filters(): string | null {
    return this.#filters.join(' and ') || null;
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
  setEnds(where, page);
  const order = orderOf(where.lead[0], page);
  const text = `${select} where ${where.text} order by ${order} limit ${page.limit} offset ${page.offset}`;
  return [statement<Row>('', text), where.values];
}

function setEnds(where: Where, page: Page): void {
  const ends = [page.before, page.to, AFTER_ALL as Uuid].filter((id) => id !== null);
  where.ids(
    page.from ?? BEFORE_ALL,
    ends.reduce((least, id) => (id < least ? id : least)),
  );
}

/**
 * So many rows are looked at for one page, however few of them are asked for. A rare one in a history of
 * millions would have kept a connection for up to the 30 s that a statement may take, and the embedded database, which has
 * one session, from everybody.
 */
const MOST_LOOKED_AT = 10_000;

/** A page of what can get long, and whose filters may leave little. */
export interface Found<Row> {
  readonly rows: Row[];
  /** The last row that was looked at, whether or not it is one of these; null: the page is full, or there are no more. */
  readonly lookedTo: Row | null;
}

export const NOTHING_FOUND = { rows: [], lookedTo: null } as const;

/** One page of a table, of those rows that a `where` leaves. @param most rows that are looked at, 1 and up. */
export async function findPage<Row extends object>(
  db: Queryable,
  [columns, table]: readonly [columns: string, table: string],
  where: Where,
  page: Page,
  most = MOST_LOOKED_AT,
): Promise<Found<Row>> {
  if (!where.filters) {
    return { rows: await db.query(...pageOf<Row>(`select ${columns} from ${table}`, where, page)), lookedTo: null };
  }
  const text = lookingThrough(columns, table, where, page, most);
  const ask = (sql: string) => db.query(statement<Row & Looked>('', sql), where.values);
  const looked = await ask(`${text} limit ${page.limit} offset ${page.offset}`);
  // An offset may go past all that was looked at, and so past the last of it.
  const isPast = looked.length === 0 && page.offset > 0;
  const ends = isPast ? await ask(`select * from (${text}) as looked where "isLast" limit 1`) : looked;
  return { rows: looked.filter((row) => row.isWanted), lookedTo: lastOf(ends) };
}

/** What comes with each row of `lookingThrough`. */
export interface Looked {
  readonly isWanted: boolean | null;
  /** No more may be looked at. */
  readonly isLast: boolean;
}

/**
 * The rows that a `where` leaves, in order; row by row, for a statement around it that knows when it has enough. The last that
 * may be looked at comes along whatever it is, to tell where the next page begins.
 */
export function lookingThrough(
  columns: string,
  table: string,
  where: Where,
  page: Page,
  most = MOST_LOOKED_AT,
): string {
  setEnds(where, page);
  const filters = where.filters ?? 'true';
  const [column, owner] = where.lead;
  const order = orderOf(column, page);
  // Whose they are is said again outside: with row-level security the rows come by id alone, as all else is the same.
  return `select ${columns}, place < ${most} or (${filters}) as "isWanted", place = ${most} as "isLast"
    from (select *, row_number() over (order by ${order}) as place from ${table} where ${where.range}
          order by ${order} limit ${most}) as ${table}
    where ${column} = ${owner} and ((${filters}) or place = ${most}) order by ${order}`;
}

/** Where the next page begins, if this one ended before it was full. */
export function lastOf<Row extends Looked>(looked: readonly Row[]): Row | null {
  const last = looked.at(-1);
  return last?.isLast ? last : null;
}

function orderOf(lead: string, { isAscending }: Page): string {
  const direction = isAscending ? 'asc' : 'desc';
  return `${lead} ${direction}, id ${direction}`;
}
