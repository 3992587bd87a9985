import type { FastifyReply } from 'fastify';
import type { Allowance } from '../auth/request-limiter.ts';
import { Problem } from '../errors.ts';

/** Says on the answer, whatever becomes of the call, how many calls are left. @throws Problem `rate_limited`. */
export function limitRequests({ limit, remaining, reset, isOver }: Allowance, reply: FastifyReply): void {
  reply
    .header('ratelimit-limit', limit)
    .header('ratelimit-remaining', remaining)
    .header('ratelimit-reset', reset.seconds);
  if (!isOver) return;
  throw new Problem('rate_limited', `this API key may make ${limit} requests in a minute`, undefined, reset);
}
