import type { Trigger } from '../core/delivery.ts';
import { MAX_ATTEMPT_NUMBER, type Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { type DeliveryFilter, whereDeliveries, within } from './delivery.ts';
import { idAfter, type Looked, lastOf, lookingThrough, type Page } from './list.ts';

export interface AttemptRow {
  readonly delivery_id: Uuid;
  readonly number: number;
  readonly trigger: Trigger;
  readonly url: string;
  readonly request_headers: Record<string, string>;
  readonly response_status: number | null;
  readonly response_headers: Record<string, string> | null;
  readonly response_body: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly duration_ms: number;
  readonly timings: Timings;
  readonly started_at: Date;
}

/** Milliseconds; null for a part that did not happen, as on a connection that was open already. */
export interface Timings {
  readonly dns: number | null;
  readonly connect: number | null;
  readonly tls: number | null;
  readonly first_byte: number | null;
}

const COLUMNS = `delivery_id, number, trigger, url, request_headers, response_status, response_headers, response_body,
  error_code, error_message, duration_ms, timings, started_at`;

const list = statement<AttemptRow>(
  'attempt_list',
  `select ${COLUMNS}
   from attempt
   where delivery_id = $2 and environment_id = $1 and ($3::integer is null or number < $3)
   order by number desc limit $4 offset $5`,
);

/** Newest first. @param before only attempts with a smaller number. */
export async function listAttempts(
  db: Queryable,
  environmentId: Uuid,
  deliveryId: Uuid,
  page: { before: number | null; limit: number; offset: number },
): Promise<AttemptRow[]> {
  return db.query(list, [environmentId, deliveryId, page.before, page.limit, page.offset]);
}

const read = statement<AttemptRow>(
  'attempt_read',
  `select ${COLUMNS} from attempt where delivery_id = $2 and number = $3 and environment_id = $1`,
);

export async function readAttempt(
  db: Queryable,
  environmentId: Uuid,
  deliveryId: Uuid,
  number: number,
): Promise<AttemptRow | undefined> {
  return (await db.query(read, [environmentId, deliveryId, number]))[0];
}

/** An attempt, and what it was made for. */
export interface AttemptOfDelivery extends AttemptRow {
  readonly message_id: Uuid;
  readonly endpoint_id: Uuid;
}

/** Attempts of many deliveries. */
export interface AttemptFilter extends Omit<DeliveryFilter, 'status'> {
  readonly isSuccess?: boolean | undefined;
  /** 100 to 500: answers of that hundred; 0: no answer at all. */
  readonly statusClass?: number | undefined;
}

/** Where a page goes on: an attempt that is not itself part of it. */
export interface AttemptCursor {
  readonly deliveryId: Uuid;
  readonly number: number;
}

/**
 * Attempts of many deliveries, in the order of these (their messages' that is) and then of their numbers. There is no
 * index of attempts by when they were made: each delivery's are found by their own key, delivery after delivery.
 *
 * @param page of deliveries; its limit is of attempts.
 * @returns with where it ended before it was full: a delivery whose attempts are through.
 */
export async function pageAttempts(
  db: Queryable,
  filter: AttemptFilter,
  page: Page,
  cursor: AttemptCursor | null,
): Promise<{ readonly rows: AttemptOfDelivery[]; readonly lookedTo: AttemptCursor | null }> {
  // A backlog that was never tried is stepped over without a look for its attempts.
  const where = whereDeliveries(filter).literal('attempt_count > 0');
  const columns = 'id, message_id, endpoint_id, application_id, environment_id';
  const deliveries = lookingThrough(columns, 'delivery', where, within(from(page, cursor), filter));
  const values = [...where.values, filter.environmentId, cursor?.deliveryId ?? null, cursor?.number ?? null];
  const [number, delivery, environment] = [values.length, values.length - 1, values.length - 2].map((n) => `$${n}`);
  const direction = page.isAscending ? 'asc' : 'desc';
  const text = `select a.*, d.id as "deliveryId", d.message_id, d.endpoint_id, d."isLast", a.number is not null as "isWanted"
    from (${deliveries}) d left join lateral (
      select ${COLUMNS} from attempt
      where delivery_id = d.id and environment_id = ${environment}::uuid and d."isWanted" ${conditions(filter)}
        and (${delivery}::uuid is null or d.id <> ${delivery}::uuid
             or number ${page.isAscending ? '>' : '<'} ${number}::integer)
      order by number ${direction}
    ) a on true
    where a.number is not null or d."isLast" order by d.id ${direction} limit ${page.limit}`;
  const looked = await db.query(statement<AttemptOfDelivery & Looked & { deliveryId: Uuid }>('', text), values);
  const last = lastOf(looked);
  return {
    rows: looked.filter((row) => row.isWanted),
    lookedTo: last && { deliveryId: last.deliveryId, number: page.isAscending ? MAX_ATTEMPT_NUMBER : 1 },
  };
}

/** The same page, with the cursor's own delivery in it: it may have more attempts. */
function from(page: Page, cursor: AttemptCursor | null): Page {
  if (!cursor) return page;
  if (!page.isAscending) return { ...page, before: idAfter(cursor.deliveryId) };
  return { ...page, from: page.from && page.from > cursor.deliveryId ? page.from : cursor.deliveryId };
}

function conditions({ isSuccess, statusClass }: AttemptFilter): string {
  const ofStatus = isSuccess === undefined ? '' : `and error_code is ${isSuccess ? '' : 'not '}null`;
  if (statusClass === undefined) return ofStatus;
  const answered = statusClass === 0 ? 'is null' : `between ${statusClass} and ${statusClass + 99}`;
  return `${ofStatus} and response_status ${answered}`;
}
