import type { Uuid } from '../core/ids.ts';
import { hasSqlState, LOCK_NOT_AVAILABLE, type Queryable, statement } from './database.ts';

/** A call made with an idempotency key, and the answer it got (or will get, once its transaction commits). */
export interface KeyedAnswer {
  readonly environmentId: Uuid;
  /** Route and application: the same key may be used for another one. */
  readonly scope: string;
  readonly key: string;
  /** SHA-256 of the request: the same key with another one is a mistake. */
  readonly fingerprint: Buffer;
  readonly status: number;
  readonly body: string;
}

/** How long an answer is kept. */
const IDEMPOTENCY_HOURS = 24;

// Keys go in in one order everywhere, so that two batches with the same keys wait for each other and never deadlock.
// A key older than its time is taken over as if it were new.
const claim = statement<{ scope: string; key: string; environment_id: Uuid }>(
  'idempotency_claim',
  `insert into idempotency_key (environment_id, scope, key, fingerprint, status, body)
   select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::integer[], $6::text[]) as k(e, s, k, f, st, b)
   order by e, s, k
   on conflict (environment_id, scope, key) do update
     set fingerprint = excluded.fingerprint, status = excluded.status, body = excluded.body, created_at = now()
     where idempotency_key.created_at < now() - interval '${IDEMPOTENCY_HOURS} hours'
   returning environment_id, scope, key`,
);

/** Another call has one of the keys, and has not ended for as long as was waited. */
export class KeyInUseError extends Error {
  override readonly name = 'KeyInUseError';
}

/**
 * Takes keys for the calls of one transaction. Waits for a transaction that holds one of them.
 *
 * @param answers no two with the same environment, scope and key.
 * @returns those that were free; the others were used before.
 * @throws KeyInUseError after `limitWait`.
 */
export async function claimKeys(tx: Queryable, answers: readonly KeyedAnswer[]): Promise<Set<KeyedAnswer>> {
  const columns = [
    answers.map((answer) => answer.environmentId),
    answers.map((answer) => answer.scope),
    answers.map((answer) => answer.key),
    answers.map((answer) => answer.fingerprint),
    answers.map((answer) => answer.status),
    answers.map((answer) => answer.body),
  ];
  const rows = await tx.query(claim, columns).catch((error: unknown) => {
    // Locks are waited for elsewhere too, and that is nobody's key.
    throw hasSqlState(error, LOCK_NOT_AVAILABLE) ? new KeyInUseError('a key is in use', { cause: error }) : error;
  });
  const free = new Set(rows.map((row) => identityOf(row.environment_id, row.scope, row.key)));
  return new Set(answers.filter((answer) => free.has(identityOf(answer.environmentId, answer.scope, answer.key))));
}

const giveBack = statement(
  'idempotency_return',
  `delete from idempotency_key using unnest($1::uuid[], $2::text[], $3::text[]) as k(e, s, k)
   where environment_id = k.e and scope = k.s and key = k.k`,
);

/** Undoes a claim in its own transaction: nothing was done for these after all. */
export async function returnKeys(tx: Queryable, answers: readonly KeyedAnswer[]): Promise<void> {
  await tx.query(giveBack, [
    answers.map((answer) => answer.environmentId),
    answers.map((answer) => answer.scope),
    answers.map((answer) => answer.key),
  ]);
}

export function identityOf(environmentId: Uuid, scope: string, key: string): string {
  return JSON.stringify([environmentId, scope, key]);
}

const read = statement<{ fingerprint: Buffer; status: number; body: string }>(
  'idempotency_read',
  `select fingerprint, status, body from idempotency_key
   where environment_id = $1 and scope = $2 and key = $3
     and created_at >= now() - interval '${IDEMPOTENCY_HOURS} hours'`,
);

export async function readAnswer(db: Queryable, environmentId: Uuid, scope: string, key: string) {
  return (await db.query(read, [environmentId, scope, key]))[0];
}

const fill = statement(
  'idempotency_fill',
  'update idempotency_key set status = $4, body = $5 where environment_id = $1 and scope = $2 and key = $3',
);

/** Puts in the answer that was not known yet when the key was taken. Same transaction. */
export async function fillAnswer(tx: Queryable, answer: KeyedAnswer): Promise<void> {
  await tx.query(fill, [answer.environmentId, answer.scope, answer.key, answer.status, answer.body]);
}

const waitLimit = statement('idempotency_wait', `set local lock_timeout = '5s'`);

/** From here on, a wait for another call's key ends after 5 s with LOCK_NOT_AVAILABLE. */
export async function limitWait(tx: Queryable): Promise<void> {
  await tx.query(waitLimit, []);
}

const expire = statement<{ key: string }>(
  'idempotency_expire',
  `delete from idempotency_key where ctid = any(array(
     select ctid from idempotency_key where created_at < now() - interval '${IDEMPOTENCY_HOURS} hours'
     order by created_at limit $1)) returning key`,
);

/** @returns how many expired keys were dropped, at most `limit`. */
export async function expireKeys(db: Queryable, limit: number): Promise<number> {
  return (await db.query(expire, [limit])).length;
}
