import type { Uuid } from '../core/ids.ts';
import type { Month } from '../core/month.ts';
import { type Queryable, statement } from './database.ts';

/** What applications use in a calendar month of UTC: a row per application and month. */

export interface Usage {
  readonly applicationId: Uuid;
  readonly environmentId: Uuid;
  readonly messages: number;
  readonly sent: number;
  readonly failed: number;
}

export interface Charged {
  readonly application_id: Uuid;
  readonly month: Month;
  /** With those that were just added. */
  readonly messages: number;
  readonly reset_at: Date;
  readonly reset_ms: number;
}

// Rows are locked in the order in which they are given, the same everywhere, so that two transactions which add to the
// same ones wait for each other and never deadlock.
const addSql = `
   insert into usage as u (application_id, month, environment_id, messages, deliveries_sent, deliveries_failed)
   select application_id, date_trunc('month', coalesce($1::timestamptz, statement_timestamp()))::date, environment_id,
     messages, sent, failed
   from unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[])
     as w(application_id, environment_id, messages, sent, failed)
   on conflict (application_id, month) do update set messages = u.messages + excluded.messages,
     deliveries_sent = u.deliveries_sent + excluded.deliveries_sent,
     deliveries_failed = u.deliveries_failed + excluded.deliveries_failed`;

const add = statement('usage_add', addSql);
const charge = statement<Charged>(
  'usage_charge',
  `${addSql}
   returning application_id, to_char(month, 'YYYY-MM') as month, messages,
     (month + interval '1 month') at time zone 'UTC' as reset_at,
     extract(epoch from (month + interval '1 month') at time zone 'UTC'
                        - coalesce($1::timestamptz, statement_timestamp()))::float8 * 1000 as reset_ms`,
);

/**
 * Adds to the rows of this month.
 *
 * @param rows each application once, in the order of their ids.
 * @param now null: by the database's clock, so that processes need not agree on time.
 */
export async function addUsage(db: Queryable, rows: readonly Usage[], now: Date | null): Promise<void> {
  await db.query(add, valuesOf(rows, now));
}

/** The same for messages that count against a limit: says what that makes. The rows stay locked to the transaction's end. */
export async function chargeUsage(tx: Queryable, rows: readonly Usage[], now: Date | null): Promise<Charged[]> {
  return tx.query(charge, valuesOf(rows, now));
}

const refund = statement(
  'usage_refund',
  `update usage as u set messages = u.messages - r.messages
   from unnest($1::uuid[], $2::text[], $3::bigint[]) as r(application_id, month, messages)
   where u.application_id = r.application_id and u.month = (r.month || '-01')::date`,
);

/** Takes back what was charged in this transaction and not granted. */
export async function refundUsage(
  tx: Queryable,
  rows: readonly { readonly applicationId: Uuid; readonly month: Month; readonly messages: number }[],
): Promise<void> {
  await tx.query(refund, [
    rows.map(({ applicationId }) => applicationId),
    rows.map(({ month }) => month),
    rows.map(({ messages }) => messages),
  ]);
}

export interface UsageRow {
  readonly month: Month;
  readonly messages: number;
  readonly deliveries_sent: number;
  readonly deliveries_failed: number;
}

const read = statement<UsageRow>(
  'usage_read',
  `select to_char(month, 'YYYY-MM') as month, messages, deliveries_sent, deliveries_failed from usage
   where application_id = $2 and month = any($3::date[]) and environment_id = $1`,
);

/** What an application used in these months; none of those in which it used nothing. */
export async function readUsage(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  months: readonly Month[],
): Promise<UsageRow[]> {
  return db.query(read, [environmentId, applicationId, months.map((month) => `${month}-01`)]);
}

const expire = statement<{ application_id: Uuid }>(
  'usage_expire',
  `delete from usage where ctid = any(array(
     select ctid from usage where month < statement_timestamp() - $1 * interval '1 month'
     order by month limit $2)) returning application_id`,
);

/** @returns how many rows of months before so many were dropped, at most `limit`. */
export async function expireUsage(db: Queryable, months: number, limit: number): Promise<number> {
  return (await db.query(expire, [months, limit])).length;
}

function valuesOf(rows: readonly Usage[], now: Date | null): unknown[] {
  return [
    now,
    rows.map(({ applicationId }) => applicationId),
    rows.map(({ environmentId }) => environmentId),
    rows.map(({ messages }) => messages),
    rows.map(({ sent }) => sent),
    rows.map(({ failed }) => failed),
  ];
}
