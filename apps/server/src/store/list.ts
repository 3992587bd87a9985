import type { Uuid } from '../core/ids.ts';
import { type Statement, statement } from './database.ts';

/**
 * Above every id of ours: what a cursor is where there is none. `$2 is null or id < $2` could not go by the index: a deep
 * page would read all that is before it.
 */
export const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** One page of a list that is ordered by id, newest first. */
export interface Page {
  readonly limit: number;
  readonly offset: number;
  /** Only ids below this one: the cursor, the id of the last row seen. */
  readonly before: Uuid | null;
  /** Ids from here on (inclusive): `since` as an id. */
  readonly from: Uuid | null;
  /** Ids up to here (exclusive): `until` as an id. */
  readonly to: Uuid | null;
}

/** A `where` clause and its values, built from those filters that a caller gave. Column names are ours, never input. */
export class Where {
  readonly #conditions: string[] = [];
  readonly #values: unknown[] = [];

  constructor(column: string, value: unknown) {
    this.#add(`${column} = `, value);
  }

  equals(column: string, value: unknown): this {
    return value === undefined ? this : this.#add(`${column} = `, value);
  }

  atLeast(column: string, value: unknown): this {
    return value === null ? this : this.#add(`${column} >= `, value);
  }

  atMost(column: string, value: unknown): this {
    return value === null ? this : this.#add(`${column} <= `, value);
  }

  below(column: string, value: unknown): this {
    return value === null ? this : this.#add(`${column} < `, value);
  }

  /** A condition with no input in it. */
  literal(condition: string | undefined): this {
    if (condition) this.#conditions.push(condition);
    return this;
  }

  get text(): string {
    return this.#conditions.join(' and ');
  }

  get values(): readonly unknown[] {
    return this.#values;
  }

  #add(condition: string, value: unknown): this {
    this.#values.push(value);
    this.#conditions.push(`${condition}$${this.#values.length}`);
    return this;
  }
}

/** The statement and values of one page. Limit and offset are numbers that were validated. */
export function pageOf<Row>(select: string, where: Where, page: Page): [Statement<Row>, readonly unknown[]] {
  where.below('id', page.before).atLeast('id', page.from).below('id', page.to);
  const text = `${select} where ${where.text} order by id desc limit ${page.limit} offset ${page.offset}`;
  return [statement<Row>('', text), where.values];
}
