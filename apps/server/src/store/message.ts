import type { Uuid } from '../core/ids.ts';
import type { Match } from '../core/matcher.ts';
import { type Queryable, statement } from './database.ts';
import { type Page, pageOf, Where } from './list.ts';

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
}

const SUMMARY = 'id, application_id, event_type, event_id, channels';

const read = statement<MessageRow>(
  'message_read',
  `select ${SUMMARY}, payload, headers, matching from message
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

export interface MessageFilter {
  readonly environmentId: Uuid;
  readonly applicationId?: Uuid | undefined;
  readonly eventType?: string | undefined;
}

/** Newest first, without payloads. */
export async function listMessages(db: Queryable, filter: MessageFilter, page: Page): Promise<MessageSummaryRow[]> {
  const where = new Where([
    ['application_id', filter.applicationId],
    ['environment_id', filter.environmentId],
  ]).equals('event_type', filter.eventType);
  return db.query(...pageOf<MessageSummaryRow>(`select ${SUMMARY} from message`, where, page));
}
