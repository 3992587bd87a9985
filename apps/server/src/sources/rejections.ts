import { newId, publicId, type Uuid } from '../core/ids.ts';
import { PAYLOAD_LIMIT } from '../core/payload.ts';
import { MAX_REJECTIONS } from '../core/source.ts';
import type { RejectionReason } from '../core/source-event.ts';
import { GroupCommit } from '../group-commit.ts';
import type { Log } from '../log.ts';
import { insertAuditEntry } from '../store/audit.ts';
import { type Database, isTransient, type Queryable } from '../store/database.ts';
import { pauseSource } from '../store/source.ts';
import { countRejections, insertRejections, type SourceRejection } from '../store/source-rejection.ts';
import { ComeLater, type Received } from './receiver.ts';

/** A message that is no event, whatever is done with it. */
export interface Rejected {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly message: Received;
  /** Of the message: one that comes again has the same. */
  readonly digest: Buffer;
  readonly reason: RejectionReason;
  readonly detail: string;
}

const MAX_BATCH = { items: 100, bytes: 4 * 1024 * 1024 };
/** What the broker calls a message, and what was wrong with it. */
const MAX_TEXT = 500;
/** A source that paused itself is nobody's until it is resumed. */
const PAUSED_MS = 1_000;

/**
 * Keeps the messages of one source that were refused for what they are, so that they are not lost and hold up no others. A
 * source that has too many of them is set up wrong: it pauses, and the next ones stay with the broker.
 */
export class Rejections {
  readonly #commits: GroupCommit<Rejected, 'rejected' | 'full'>;

  constructor({ db, log }: { readonly db: Database; readonly log: Log }) {
    this.#commits = new GroupCommit<Rejected, 'rejected' | 'full'>({
      flush: (batch) => keep(db, log, batch),
      maxItems: MAX_BATCH.items,
      maxSize: MAX_BATCH.bytes,
      sizeOf: ({ message }) => Math.min(message.body.length, PAYLOAD_LIMIT),
      isItemFault: (error) => !isTransient(error),
    });
  }

  /** Resolves once it is kept. @throws ComeLater where there are too many, or the database's own error. */
  async keep(rejected: Rejected): Promise<'rejected'> {
    if ((await this.#commits.submit(rejected)) === 'rejected') return 'rejected';
    throw new ComeLater(`too_many_rejections: ${MAX_REJECTIONS} messages were refused and are kept`, PAUSED_MS);
  }
}

async function keep(db: Database, log: Log, batch: readonly Rejected[]): Promise<('rejected' | 'full')[]> {
  const [first] = batch;
  if (!first) return [];
  return db.transaction(async (tx) => {
    const room = MAX_REJECTIONS - (await countRejections(tx, first.id, MAX_REJECTIONS));
    await insertRejections(tx, batch.slice(0, room).map(rowOf));
    if (batch.length > room && (await paused(tx, first))) {
      log.warn({ source_id: publicId('src', first.id) }, 'a source has too many refused messages and pauses');
    }
    return batch.map((_, n) => (n < room ? 'rejected' : 'full'));
  });
}

async function paused(tx: Queryable, { id, environmentId }: Rejected): Promise<boolean> {
  if (!(await pauseSource(tx, environmentId, id, 'too_many_rejections'))) return false;
  await insertAuditEntry(tx, {
    ...{ id: newId(), environment_id: environmentId, actor_kind: 'system', actor_id: null, request_id: null },
    ...{ action: 'source.pause', subject: publicId('src', id), details: { reason: 'too_many_rejections' } },
  });
  return true;
}

function rowOf({ id, environmentId, message, digest, reason, detail }: Rejected): SourceRejection {
  return {
    id: newId(),
    environment_id: environmentId,
    source_id: id,
    digest,
    message_id: storable(message.id),
    reason,
    detail: storable(detail),
    headers: message.headers,
    body: message.body.subarray(0, PAYLOAD_LIMIT),
    body_bytes: message.body.length,
  };
}

/** Text from outside, as the database takes it. */
function storable(text: string): string {
  return text.slice(0, MAX_TEXT).replaceAll('\0', '').toWellFormed();
}
