import type { Uuid } from '../core/ids.ts';
import type { Match } from '../core/matcher.ts';
import { type Queryable, statement } from './database.ts';
import { type Found, findPage, type Page, Where } from './list.ts';

export interface MessageSummaryRow {
  readonly id: Uuid;
  readonly application_id: Uuid;
  readonly event_type: string;
  readonly event_id: string | null;
  readonly channels: string[] | null;
}

export interface MessageRow extends MessageSummaryRow {
  /** JSON text, byte for byte as posted. */
  readonly payload: string;
  readonly headers: Record<string, string> | null;
  readonly matching: Match[];
  /** Where the payload breaks the schema that its event type had; null: nowhere, or nobody looked. */
  readonly payload_errors: { path: string; message: string }[] | null;
}

const SUMMARY = 'id, application_id, event_type, event_id, channels';

const read = statement<MessageRow>(
  'message_read',
  `select ${SUMMARY}, payload, headers, matching, payload_errors from message
   where id = $2 and environment_id = $1 and ($3::uuid is null or application_id = $3)`,
);

export async function readMessage(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid | null,
  id: Uuid,
): Promise<MessageRow | undefined> {
  return (await db.query(read, [environmentId, id, applicationId]))[0];
}

const byEventId = statement<MessageRow>(
  'message_by_event_id',
  `select ${SUMMARY}, payload, headers, matching, payload_errors from message
   where application_id = $2 and event_id = $3 and environment_id = $1
   order by application_id desc, event_id desc, id desc limit 1`,
);

/** The newest message that carries the producer's own id. */
export async function readMessageByEventId(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  eventId: string,
): Promise<MessageRow | undefined> {
  return (await db.query(byEventId, [environmentId, applicationId, eventId]))[0];
}

// The bounds say which partitions need not be looked at; of an array the planner does not read it off.
const some = statement<MessageSummaryRow>(
  'message_some',
  `select ${SUMMARY} from message
   where id = any($2::uuid[]) and id between $3 and $4 and environment_id = $1`,
);
const payloads = statement<Pick<MessageRow, 'id' | 'payload'>>(
  'message_payloads',
  `select id, payload from message
   where id = any($2::uuid[]) and id between $3 and $4 and environment_id = $1`,
);

/** Messages by their ids, in no order, without payloads. */
export async function readMessages(db: Queryable, environmentId: Uuid, ids: readonly Uuid[]) {
  return ids.length === 0 ? [] : db.query(some, [environmentId, ids, ...bounds(ids)]);
}

/** The payloads of messages. */
export async function readPayloads(
  db: Queryable,
  environmentId: Uuid,
  ids: readonly Uuid[],
): Promise<ReadonlyMap<Uuid, string>> {
  const rows = ids.length === 0 ? [] : await db.query(payloads, [environmentId, ids, ...bounds(ids)]);
  return new Map(rows.map(({ id, payload }) => [id, payload]));
}

function bounds(ids: readonly Uuid[]): [least: Uuid | undefined, greatest: Uuid | undefined] {
  const sorted = [...ids].sort();
  return [sorted[0], sorted.at(-1)];
}

export interface MessageFilter {
  readonly environmentId: Uuid;
  readonly applicationId?: Uuid | undefined;
  readonly eventType?: string | undefined;
  /** Any of these. */
  readonly eventTypes?: readonly string[] | undefined;
  readonly channel?: string | undefined;
}

/** Newest first, without payloads. */
export async function listMessages(
  db: Queryable,
  filter: MessageFilter,
  page: Page,
): Promise<Found<MessageSummaryRow>> {
  const where = new Where([
    ['application_id', filter.applicationId],
    ['environment_id', filter.environmentId],
  ])
    .equals('event_type', filter.eventType)
    .given(filter.eventTypes, (types) => `event_type = any(${types})`)
    .given(filter.channel, (channel) => `channels::jsonb @> to_jsonb(${channel}::text)`);
  return findPage(db, [SUMMARY, 'message'], where, page);
}
