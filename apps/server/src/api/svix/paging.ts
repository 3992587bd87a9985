import type { FastifyReply } from 'fastify';
import { type Static, Type } from 'typebox';
import { firstIdAt, type IdPrefix, parseId, publicId, type Uuid } from '../../core/ids.ts';
import { invalidFields } from '../../errors.ts';
import { idAfter, type Page } from '../../store/list.ts';

/**
 * Lists as Svix has them: `iterator` is the last item shown and asks for what follows it; `prevIterator` is the first one,
 * with a `-` before it, and asks for what goes before. `done` says that there is no more that way.
 */

const Order = Type.Union([Type.Literal('ascending'), Type.Literal('descending')]);

export const PageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 250 })),
  iterator: Type.Optional(Type.String({ maxLength: 256 })),
};
export const OrderedPageQuery = { ...PageQuery, order: Type.Optional(Order) };
export const TimeQuery = {
  before: Type.Optional(Type.String({ format: 'date-time' })),
  after: Type.Optional(Type.String({ format: 'date-time' })),
};

const DEFAULT_LIMIT = 50;

type Parameters = Partial<Static<ReturnType<typeof queryType>>>;
function queryType() {
  return Type.Object({ ...OrderedPageQuery, ...TimeQuery });
}

/** The page that a query asks for, whatever its items are. */
export interface Turn {
  readonly limit: number;
  /** The item it goes on from, not itself part of it. */
  readonly from: string | null;
  /** Towards the beginning of the list. */
  readonly isBack: boolean;
  /** Whether rows are to be read in rising order: of a list that falls, for a page further back. */
  readonly isAscending: boolean;
}

export function turnFrom(query: Parameters, order: Static<typeof Order>): Turn {
  const { iterator, limit = DEFAULT_LIMIT } = query;
  const isBack = iterator?.startsWith('-') ?? false;
  const isAscending = (query.order ?? order) === 'ascending';
  return {
    limit,
    from: iterator ? iterator.slice(isBack ? 1 : 0) : null,
    isBack,
    isAscending: isAscending !== isBack,
  };
}

/** The id that a page goes on from. @throws Problem `validation_failed` where it is none. */
export function cursorOf(prefix: IdPrefix, turn: Turn): Uuid | null {
  if (turn.from === null) return null;
  const id = parseId(prefix, turn.from);
  if (!id) throw invalidFields([{ path: 'iterator', message: 'is not an iterator of this list' }]);
  return id;
}

/** The same page as the store takes it, of a list by id. */
export function pageOf(turn: Turn, cursor: Uuid | null, times: Static<ReturnType<typeof timesType>> = {}): Page {
  const { isAscending } = turn;
  // Created after: in a later millisecond.
  const after = times.after === undefined ? null : firstIdAt(Date.parse(times.after) + 1);
  const following = cursor !== null && isAscending ? idAfter(cursor) : null;
  return {
    // One more than asked for tells whether there is more.
    limit: turn.limit + 1,
    offset: 0,
    before: isAscending ? null : cursor,
    from: following && after ? (following > after ? following : after) : (following ?? after),
    to: times.before === undefined ? null : firstIdAt(Date.parse(times.before)),
    isAscending,
  };
}
function timesType() {
  return Type.Object(TimeQuery);
}

/** Which of the rows that were read are shown, in the order of the list, and whether there are more that way. */
function shownOf<Row>(turn: Turn, rows: readonly Row[]): { shown: Row[]; isDone: boolean } {
  const shown = rows.slice(0, turn.limit);
  if (turn.isBack) shown.reverse();
  return { shown, isDone: rows.length <= turn.limit };
}

/**
 * JSON text of a list.
 *
 * @param nameOf what an item is called in an iterator.
 * @param present JSON text of an item, or what becomes it.
 * @param lookedTo what the page goes on from that ended before it was full; null: there is no more.
 */
export function listText<Row>(
  turn: Turn,
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  present: (row: Row) => object | string,
  lookedTo: string | null = null,
): string {
  const { shown, isDone } = shownOf(turn, rows);
  const goesOn = isDone ? lookedTo : null;
  // A page with nothing on it goes on from where it ended, either way.
  const [first, last] = [shown[0], shown.at(-1)].map((row) => (row === undefined ? goesOn : nameOf(row)));
  const before = (turn.isBack ? goesOn : null) ?? first ?? null;
  const rest = JSON.stringify({
    iterator: (turn.isBack ? null : goesOn) ?? last ?? null,
    prevIterator: before === null ? null : `-${before}`,
    done: isDone && !goesOn,
  });
  return `{"data":[${shown.map((row) => textOf(present(row))).join()}],${rest.slice(1)}`;
}

/** The same of a list whose iterators are its rows' ids. */
export function idListText<Row extends { readonly id: Uuid }>(
  prefix: IdPrefix,
  turn: Turn,
  rows: readonly Row[],
  present: (row: Row) => object | string,
  lookedTo: Row | null = null,
): string {
  const nameOf = ({ id }: Row) => publicId(prefix, id);
  return listText(turn, rows, nameOf, present, lookedTo && nameOf(lookedTo));
}

function textOf(item: object | string): string {
  return typeof item === 'string' ? item : JSON.stringify(item);
}

/** Answers with JSON that is text already. */
export function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(text);
}
