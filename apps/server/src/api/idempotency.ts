import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../auth/authenticate.ts';
import { seal, unseal } from '../crypto/vault.ts';
import { invalidFields, Problem } from '../errors.ts';
import type { Queryable } from '../store/database.ts';
import { claimKeys, fillAnswer, type KeyedAnswer, KeyInUseError, limitWait, readAnswer } from '../store/idempotency.ts';
import type { Tenant } from '../store/tenant.ts';
import type { ApiDependencies, ApplicationScope } from './dependencies.ts';

/** An answer that can be given again: kept with the idempotency key that its call carried. */
export interface Answer {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}

/** A call that carries an idempotency key: everything of its record but the answer. */
export type KeyedCall = Omit<KeyedAnswer, 'status' | 'body'>;

export const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

/**
 * The idempotency key of a call, from its header or (on sends) its body; null where it has none.
 *
 * @throws Problem `validation_failed` where it is not 1-255 printable ASCII characters, or header and body differ.
 */
export function keyedCall(request: FastifyRequest, application: ApplicationScope, inBody?: string): KeyedCall | null {
  const inHeader = request.headers['idempotency-key'];
  if (inHeader === undefined && inBody === undefined) return null;
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody) {
    throw invalidFields([{ path: '/idempotency_key', message: 'differs from the Idempotency-Key header' }]);
  }
  const key = inHeader ?? inBody;
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key)) {
    const path = inHeader === undefined ? '/idempotency_key' : 'idempotency-key';
    throw invalidFields([{ path, message: 'must be 1 to 255 printable ASCII characters' }]);
  }
  return {
    environmentId: request.caller.environmentId,
    scope: `${request.method} ${request.routeOptions.url} ${application ?? ''}`,
    key,
    fingerprint: createHash('sha256').update(`${request.method} ${request.url}\n`).update(request.rawBody).digest(),
  };
}

/**
 * Runs `work` in a transaction, at most once for its idempotency key. What it throws is not kept: a refused call may be
 * put right and sent again with the same key. The answer is kept sealed, because it may show a secret.
 */
export async function once(
  deps: Pick<ApiDependencies, 'tenant' | 'directory'>,
  caller: Caller,
  call: KeyedCall | null,
  work: (tx: Queryable) => Promise<Answer>,
): Promise<{ answer: Answer; isReplay: boolean }> {
  const db = deps.tenant(caller.environmentId);
  if (!call) return { answer: await db.transaction(work), isReplay: false };
  const dataKey = await deps.directory.dataKey(call.environmentId);
  const row = `${call.scope} ${call.key}`;
  const first = await firstAnswer(db, call, async (tx) => {
    const answer = await work(tx);
    const sealed = seal(dataKey, row, 'idempotent_answer', answer.body).toString('base64');
    await fillAnswer(tx, { ...call, status: answer.status, body: sealed });
    return answer;
  });
  if (first) return { answer: first, isReplay: false };
  const { status, body } = await earlierAnswer(deps, call);
  const answer = { status, body: unseal(dataKey, row, 'idempotent_answer', Buffer.from(body, 'base64')) };
  return { answer, isReplay: true };
}

/** Null where the key was used before. */
async function firstAnswer(
  db: Tenant,
  call: KeyedCall,
  work: (tx: Queryable) => Promise<Answer>,
): Promise<Answer | null> {
  try {
    return await db.transaction(async (tx) => {
      await limitWait(tx);
      const free = await claimKeys(tx, [{ ...call, status: 0, body: '' }]);
      return free.size === 0 ? null : await work(tx);
    });
  } catch (error) {
    if (error instanceof KeyInUseError) throw keyInUse();
    throw error;
  }
}

export function keyInUse(): Problem {
  return new Problem('idempotency_in_progress', 'the first call with this key has not ended after 5 s; ask again');
}

/** The answer that a key has got. @throws Problem `idempotency_mismatch` where that was another request. */
export async function earlierAnswer(deps: Pick<ApiDependencies, 'tenant'>, call: KeyedCall): Promise<Answer> {
  const earlier = await answerSoFar(deps, call);
  // It can have expired since it was found in the way: a moment in 24 hours.
  if (!earlier) throw keyInUse();
  return earlier;
}

/** The same; null where it has none. */
export async function answerSoFar(
  { tenant }: Pick<ApiDependencies, 'tenant'>,
  call: KeyedCall,
): Promise<Answer | null> {
  const earlier = await readAnswer(tenant(call.environmentId), call.environmentId, call.scope, call.key);
  if (!earlier) return null;
  if (!earlier.fingerprint.equals(call.fingerprint)) {
    throw new Problem('idempotency_mismatch', 'this idempotency key came with another request before');
  }
  return { status: earlier.status, body: earlier.body };
}

export function sendAnswer(reply: FastifyReply, { answer, isReplay }: { answer: Answer; isReplay: boolean }) {
  if (isReplay) reply.header('idempotent-replayed', 'true');
  return reply.code(answer.status).type('application/json; charset=utf-8').send(answer.body);
}
