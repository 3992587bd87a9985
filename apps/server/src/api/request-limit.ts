import type { FastifyReply } from 'fastify';
import type { Allowance } from '../auth/request-limiter.ts';
import { Problem } from '../errors.ts';

/**
 * Says on the answer, whatever becomes of the call, how many calls are left.
 *
 * @param whose begins a sentence.
 * @throws Problem `rate_limited`.
 */
export function limitRequests(
  { limit, remaining, reset, isOver }: Allowance,
  reply: FastifyReply,
  whose = 'this API key',
): void {
  reply
    .header('ratelimit-limit', limit)
    .header('ratelimit-remaining', remaining)
    .header('ratelimit-reset', reset.seconds);
  if (!isOver) return;
  throw new Problem('rate_limited', `${whose} may make ${limit} requests in a minute`, undefined, reset);
}
