import type { Uuid } from '../core/ids.ts';
import type { RejectionReason } from '../core/source-event.ts';
import { integerArray, textArray, uuidArray } from './array.ts';
import { type Queryable, statement } from './database.ts';
import { type Page, pageOf, Where } from './list.ts';

/** A message that was refused for what it is. */
export interface SourceRejection {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly source_id: Uuid;
  readonly digest: Buffer;
  readonly message_id: string;
  readonly reason: RejectionReason;
  readonly detail: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly body_bytes: number;
}

export type SourceRejectionDetail = Omit<SourceRejection, 'digest' | 'environment_id'>;
/** Without what may be large. */
export type SourceRejectionRow = Omit<SourceRejectionDetail, 'headers' | 'body'>;

const count = statement<{ kept: number }>(
  'source_rejection_count',
  'select count(*) as kept from (select from source_rejection where source_id = $1 limit $2) as kept',
);

/** How many a source has, counted no further than `most`. */
export async function countRejections(db: Queryable, sourceId: Uuid, most: number): Promise<number> {
  return (await db.query(count, [sourceId, most]))[0]?.kept ?? 0;
}

const insert = statement(
  'source_rejection_insert',
  `with kept as (
     insert into source_rejection (id, environment_id, source_id, digest, message_id, reason, detail, headers, body,
                                   body_bytes)
     select id, $1, $2, digest, message_id, reason, detail, headers::json, body, body_bytes
     from unnest($3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::integer[])
       as r(id, digest, message_id, reason, detail, headers, body, body_bytes)
     on conflict (source_id, digest) do nothing
     returning 1
   )
   update source set rejected = rejected + (select count(*) from kept)
   where id = $2 and environment_id = $1`,
);

/** Keeps messages of one source, and counts those that it had not kept before. */
export async function insertRejections(db: Queryable, rejections: readonly SourceRejection[]): Promise<void> {
  const [first] = rejections;
  if (!first) return;
  await db.query(insert, [
    first.environment_id,
    first.source_id,
    uuidArray(rejections, ({ id }) => id),
    rejections.map(({ digest }) => digest),
    textArray(rejections, ({ message_id }) => message_id),
    textArray(rejections, ({ reason }) => reason),
    textArray(rejections, ({ detail }) => detail),
    textArray(rejections, ({ headers }) => JSON.stringify(headers)),
    rejections.map(({ body }) => body),
    integerArray(rejections, ({ body_bytes }) => body_bytes),
  ]);
}

const COLUMNS = 'id, source_id, message_id, reason, detail, body_bytes';

/** Newest first. */
export async function listRejections(db: Queryable, environmentId: Uuid, sourceId: Uuid, page: Page) {
  const where = new Where([
    ['source_id', sourceId],
    ['environment_id', environmentId],
  ]);
  return db.query(...pageOf<SourceRejectionRow>(`select ${COLUMNS} from source_rejection`, where, page));
}

const read = statement<SourceRejectionDetail>(
  'source_rejection_read',
  `select ${COLUMNS}, headers, body from source_rejection where environment_id = $1 and source_id = $2 and id = $3`,
);

export async function readRejection(
  db: Queryable,
  environmentId: Uuid,
  sourceId: Uuid,
  id: Uuid,
): Promise<SourceRejectionDetail | undefined> {
  return (await db.query(read, [environmentId, sourceId, id]))[0];
}

const clear = statement<{ id: Uuid }>(
  'source_rejection_clear',
  `delete from source_rejection where environment_id = $1 and source_id = $2 returning id`,
);

/** Drops those of a source. @returns how many. */
export async function clearRejections(tx: Queryable, environmentId: Uuid, sourceId: Uuid): Promise<number> {
  return (await tx.query(clear, [environmentId, sourceId])).length;
}

const expire = statement<{ id: Uuid }>(
  'source_rejection_expire',
  `delete from source_rejection where id = any(array(
     select id from source_rejection where environment_id = $1 and id < $2 order by id limit $3)) returning id`,
);

/** Drops those of an environment that are older than an id of that time. @returns how many, at most `limit`. */
export async function expireRejections(
  db: Queryable,
  environmentId: Uuid,
  before: Uuid,
  limit: number,
): Promise<number> {
  return (await db.query(expire, [environmentId, before, limit])).length;
}
