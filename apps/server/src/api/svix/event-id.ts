import { createHash, randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Uuid } from '../../core/ids.ts';
import { type KeyedCall, keyedCall } from '../idempotency.ts';

/**
 * An `eventId` is unique for a day in Svix, which is how long an idempotency key is kept: so it is one, of its own scope.
 * The call's idempotency key goes into the fingerprint, so that the same call again gets the same answer, and another one
 * with this eventId finds it taken; a call without a key is never the same.
 */
export function eventIdCall(request: FastifyRequest, application: Uuid, eventId: string): KeyedCall {
  const call = keyedCall(request, application);
  const own = call ? [call.key, call.fingerprint] : [randomBytes(16)];
  return {
    environmentId: request.caller.environmentId,
    scope: `svix eventId ${application}`,
    key: eventId,
    fingerprint: own.reduce((hash, part) => hash.update(part), createHash('sha256')).digest(),
  };
}
