import type { Trigger } from '../core/delivery.ts';
import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

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

const list = statement<AttemptRow>(
  'attempt_list',
  `select delivery_id, number, trigger, url, request_headers, response_status, response_headers, response_body,
     error_code, error_message, duration_ms, timings, started_at
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
