import type { FastifySchema, RouteOptions } from 'fastify';
import { Type } from 'typebox';
import { IDEMPOTENCY_KEY } from './idempotency.ts';

/**
 * The headers of calls and answers, for the OpenAPI document alone: what is refused and what is sent is decided where it
 * happens (idempotency, request-limit, problems), for all routes alike.
 */

/** No example: whoever tries calls at /docs would send all of them with the same key. */
const KEYED_CALL = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      ...{ minLength: 1, maxLength: 255, pattern: IDEMPOTENCY_KEY.source },
      description:
        'Names this call: made again with the same key and body within 24 hours, it is done once and gets the same answer',
    }),
  ),
});

const OF_EVERY_ANSWER = { 'x-request-id': Type.String({ description: 'Leads to this call in the log of Postrider' }) };

const OF_LIMITED_CALLERS = {
  'ratelimit-limit': Type.Integer({
    description: 'Calls in a minute; only where the API key has a limit, and to portal sessions',
  }),
  'ratelimit-remaining': Type.Integer({ description: 'Calls that are left in this minute' }),
  'ratelimit-reset': Type.Integer({ description: 'Seconds until the next minute' }),
};

const OF_REPLAYS = {
  'idempotent-replayed': Type.Literal('true', {
    description: 'The answer of an earlier call with this idempotency key; left out where the call was done now',
  }),
};

const OF_PROBLEMS = {
  'retry-after': Type.Integer({ description: 'Of 429 and 503: seconds until the call may be made again' }),
};

/** A route’s schema with its headers. Every POST that is made with an API key takes an idempotency key. */
export function withHeaders(schema: FastifySchema, route: Pick<RouteOptions, 'method' | 'config'>): FastifySchema {
  const access = route.config?.access;
  const isOfKeys = access !== 'public' && access !== 'portal';
  const takesKey = isOfKeys && route.method === 'POST';
  const common = { ...OF_EVERY_ANSWER, ...(access !== 'public' && OF_LIMITED_CALLERS) };
  const response = Object.entries(schema.response ?? {}).map(([status, described]) => {
    const own = status === 'default' ? OF_PROBLEMS : takesKey && OF_REPLAYS;
    return [status, { ...described, headers: { ...common, ...own } }];
  });
  return { ...schema, ...(takesKey && { headers: KEYED_CALL }), response: Object.fromEntries(response) };
}
