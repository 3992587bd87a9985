import type { DeliveryStatus, Trigger } from '../core/delivery.ts';
import type { Uuid } from '../core/ids.ts';
import { floatArray, textArray, timeArray, uuidArray } from './array.ts';
import { type Queryable, statement } from './database.ts';
import { wakeLanesSql } from './lane.ts';
import { leaseEndSql } from './lease-watch.ts';

/** A message and its deliveries on their way into the database. Texts that are JSON stay text. */
export interface NewMessage {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly eventType: string;
  readonly eventId: string | null;
  readonly payload: string;
  /** JSON object, or null for none. */
  readonly headers: string | null;
  /** JSON array, or null for none. */
  readonly channels: string | null;
  /** JSON array of core/matcher.ts Match. */
  readonly matching: string;
  /** JSON array of {path, message}: where the payload breaks its schema and was taken all the same. */
  readonly payloadErrors?: string | null;
  readonly deliveries: readonly NewDelivery[];
}

export interface NewDelivery {
  readonly id: Uuid;
  readonly endpointId: Uuid;
  readonly trigger: Trigger;
  /** SENDING: leased to this process from the start, for `dueInMs`. PENDING: anybody's, due in `dueInMs`. */
  readonly status: Extract<DeliveryStatus, 'PENDING' | 'SENDING'>;
  readonly dueInMs: number;
  /** PENDING: due at this moment instead. */
  readonly dueAt?: Date | null;
}

// One statement for all messages and deliveries of an instant: one round trip and one fsync however many there are.
const insertSql = (wake: string, errors = { column: '', value: '', parameter: '' }) => `
   with message_rows as (
     insert into message (id, environment_id, application_id, event_type, event_id, payload, headers, channels, matching
                          ${errors.column})
     select id, environment_id, application_id, event_type, event_id, payload, headers::json, channels::json,
            matching::json ${errors.value}
     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                 $9::text[] ${errors.parameter})
       as m(id, environment_id, application_id, event_type, event_id, payload, headers, channels, matching
            ${errors.column})
   ), new_delivery as (
     select *, coalesce(deliver_at, statement_timestamp() + due_in_ms * interval '1 millisecond') as due_at
     from unnest($10::uuid[], $11::uuid[], $12::uuid[], $13::uuid[], $14::uuid[], $15::text[], $16::text[], $17::text[],
                 $18::float8[], $19::timestamptz[])
       as d(id, message_id, environment_id, application_id, endpoint_id, event_type, trigger, status, due_in_ms,
            deliver_at)
   )${wake}
   insert into delivery (id, message_id, environment_id, application_id, endpoint_id, event_type, trigger, status, due_at,
                         leased_until, lease)
   select id, message_id, environment_id, application_id, endpoint_id, event_type, trigger, status,
          case status when 'PENDING' then due_at end,
          case status when 'SENDING' then ${leaseEndSql('due_in_ms')} end,
          case status when 'SENDING' then 1 else 0 end
   from new_delivery`;

// Mostly every delivery has a worker already. To set up the waking of lanes for none of them costs a sixth of a batch
// of 64 on the embedded database.
const insert = statement('acceptance_insert', insertSql(''));
const wake = `, woken as (
     ${wakeLanesSql(`(select endpoint_id, due_at from new_delivery where status = 'PENDING') as waiting`)}
   )`;
const insertAndWake = statement('acceptance_insert_and_wake', insertSql(wake));
// Hardly any message has faults to be kept: where one has, all of its instant go by a third statement. One column more
// for everybody measured within 2 %, embedded and on PostgreSQL; this costs the others nothing at all.
const insertMarked = statement(
  'acceptance_insert_marked',
  insertSql(wake, {
    column: ', payload_errors',
    value: ', payload_errors::json',
    parameter: ', $20::text[]',
  }),
);

export async function insertMessages(db: Queryable, messages: readonly NewMessage[]): Promise<void> {
  const deliveries = messages.flatMap((message) => message.deliveries.map((delivery) => ({ message, delivery })));
  const isAnyLeft = deliveries.some(({ delivery }) => delivery.status === 'PENDING');
  const isAnyMarked = messages.some(({ payloadErrors }) => payloadErrors);
  await db.query(isAnyMarked ? insertMarked : isAnyLeft ? insertAndWake : insert, [
    uuidArray(messages, ({ id }) => id),
    uuidArray(messages, ({ environmentId }) => environmentId),
    uuidArray(messages, ({ applicationId }) => applicationId),
    textArray(messages, ({ eventType }) => eventType),
    textArray(messages, ({ eventId }) => eventId),
    textArray(messages, ({ payload }) => payload),
    textArray(messages, ({ headers }) => headers),
    textArray(messages, ({ channels }) => channels),
    textArray(messages, ({ matching }) => matching),
    uuidArray(deliveries, ({ delivery }) => delivery.id),
    uuidArray(deliveries, ({ message }) => message.id),
    uuidArray(deliveries, ({ message }) => message.environmentId),
    uuidArray(deliveries, ({ message }) => message.applicationId),
    uuidArray(deliveries, ({ delivery }) => delivery.endpointId),
    textArray(deliveries, ({ message }) => message.eventType),
    textArray(deliveries, ({ delivery }) => delivery.trigger),
    textArray(deliveries, ({ delivery }) => delivery.status),
    floatArray(deliveries, ({ delivery }) => delivery.dueInMs),
    timeArray(deliveries, ({ delivery }) => delivery.dueAt ?? null),
    ...(isAnyMarked ? [textArray(messages, ({ payloadErrors }) => payloadErrors ?? null)] : []),
  ]);
}
