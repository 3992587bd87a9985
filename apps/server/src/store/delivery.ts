import type { DeliveryStatus, Trigger } from '../core/delivery.ts';
import { type Hold, holdOf, NOT_HELD, type Waiting } from '../core/hold.ts';
import { deliveryRange, MAX_ATTEMPT_NUMBER, type Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { headSql, wakeLanesSql } from './lane.ts';
import { type Found, findPage, narrowed, type Page, Where } from './list.ts';

/** A delivery as people see it. */
export interface DeliveryRow {
  readonly id: Uuid;
  readonly message_id: Uuid;
  readonly endpoint_id: Uuid;
  readonly application_id: Uuid;
  readonly event_type: string;
  readonly status: DeliveryStatus;
  readonly attempt_count: number;
  readonly due_at: Date | null;
  readonly last_status_code: number | null;
  readonly last_error: string | null;
  readonly completed_at: Date | null;
}

const COLUMNS = `id, message_id, endpoint_id, application_id, event_type, status, attempt_count, due_at,
  last_status_code, last_error, completed_at`;

const read = statement<DeliveryRow>(
  'delivery_read',
  `select ${COLUMNS} from delivery
   where id = $2 and environment_id = $1 and ($3::uuid is null or application_id = $3)`,
);

/** @param applicationId null where any application of the environment will do. */
export async function readDelivery(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid | null,
  id: Uuid,
): Promise<DeliveryRow | undefined> {
  return (await db.query(read, [environmentId, id, applicationId]))[0];
}

// Without an endpoint nothing holds it: it is let through, to end FAILED. A hold without an end is as good as none known.
const waiting = statement<Waiting & { now: Date }>(
  'delivery_waiting',
  `select d.id, d.due_at as "dueAt", d.attempt_count as "attemptCount", e.status as "endpointStatus",
     e.max_in_flight as "maxInFlight", e.ordering = 'fifo' as "isFifo", case when e.ordering = 'fifo' then ${headSql('l')} end as "headId",
     l.circuit, l.in_flight as "inFlight", l.held_by as "heldBy",
     case when isfinite(l.held_until) then l.held_until end as "heldUntil", statement_timestamp() as now
   from delivery d join endpoint e on e.id = d.endpoint_id join lane l on l.endpoint_id = d.endpoint_id
   where d.id = $2 and d.environment_id = $1 and d.status = 'PENDING'`,
);

/** What a delivery waits for; nothing where it does not wait. */
export async function readHold(db: Queryable, environmentId: Uuid, id: Uuid): Promise<Hold> {
  const row = (await db.query(waiting, [environmentId, id]))[0];
  return row ? holdOf(row, row.now) : NOT_HELD;
}

export interface DeliveryFilter {
  readonly environmentId: Uuid;
  readonly applicationId?: Uuid | undefined;
  readonly endpointId?: Uuid | undefined;
  readonly messageId?: Uuid | undefined;
  readonly eventType?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  /** Any of these. */
  readonly eventTypes?: readonly string[] | undefined;
  /** Of the message. */
  readonly channel?: string | undefined;
}

/** Which deliveries a filter means; the list goes by the index of whoever leaves fewest. */
export function whereDeliveries(filter: Omit<DeliveryFilter, 'status'>): Where {
  return new Where([
    ['endpoint_id', filter.endpointId],
    ['application_id', filter.applicationId],
    ['environment_id', filter.environmentId],
  ])
    .equals('message_id', filter.messageId)
    .equals('event_type', filter.eventType)
    .given(filter.eventTypes, (types) => `event_type = any(${types})`)
    .given(
      filter.channel,
      // Not `exists`, of which the planner may make a table of all messages.
      (channel) =>
        `(select m.channels::jsonb @> to_jsonb(${channel}::text) from message m where m.id = delivery.message_id)`,
    );
}

/** The same page, of the deliveries of a message alone where one is asked for. */
export function within(page: Page, { messageId }: Pick<DeliveryFilter, 'messageId'>): Page {
  return messageId ? narrowed(page, deliveryRange(messageId)) : page;
}

/** Newest first. The filters a caller leaves out are not in the SQL, so that each combination has its own plan. */
export async function listDeliveries(db: Queryable, filter: DeliveryFilter, page: Page): Promise<Found<DeliveryRow>> {
  const where = whereDeliveries(filter);
  // A literal, because the planner must see it to use the index that holds failed deliveries only.
  if (filter.status === 'FAILED') where.indexed('has_failed');
  else where.equals('status', filter.status);
  return findPage(db, [COLUMNS, 'delivery'], where, within(page, filter));
}

const ofMessage = statement<DeliveryRow>(
  'delivery_of_message',
  `select ${COLUMNS} from delivery
   where id between $3 and $4 and environment_id = $1 and message_id = $2 order by id limit 1000`,
);

/** The first thousand deliveries of a message. */
export async function deliveriesOf(db: Queryable, environmentId: Uuid, messageId: Uuid): Promise<DeliveryRow[]> {
  return db.query(ofMessage, [environmentId, messageId, ...deliveryRange(messageId)]);
}

const retry = statement<DeliveryRow>(
  'delivery_retry',
  `with retried as (
     -- What waits already keeps its place in the order of a fifo endpoint: it is due now, or before.
     update delivery set status = 'PENDING', trigger = $4, due_at = least(due_at, statement_timestamp()),
       completed_at = null,
       -- A result that an earlier worker still holds must not end what begins here.
       lease = lease + 1
     where id = $2 and environment_id = $1 and ($3::uuid is null or application_id = $3) and status = any($5::text[])
       and attempt_count < ${MAX_ATTEMPT_NUMBER}
     returning ${COLUMNS}
     -- The head of a fifo endpoint is what its lane waits for; what is behind it goes on waiting.
   ), woken as (${wakeLanesSql('retried', 'lane.is_blocked and lane.head_id is distinct from $2')},
       -- Somebody wants to know now: an open circuit is probed at once.
       held_until = case when lane.held_by = 'circuit_open' then statement_timestamp() else lane.held_until end)
   select * from retried`,
);

/**
 * Puts a FAILED delivery back in line.
 *
 * @param states it may be in instead: SENT, to be sent once more; PENDING, to be tried now.
 * @returns undefined where there is none such in that state.
 */
export async function retryDelivery(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid | null,
  id: Uuid,
  trigger: Trigger,
  states: readonly Exclude<DeliveryStatus, 'SENDING'>[] = ['FAILED'],
): Promise<DeliveryRow | undefined> {
  return (await db.query(retry, [environmentId, id, applicationId, trigger, states]))[0];
}
