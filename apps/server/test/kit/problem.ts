import { expect } from 'vitest';
import { PROBLEMS, type ProblemCode } from '../../src/errors.ts';
import { type ApiKey, all, type Delivery } from './answers.ts';
import type { Api, Reply } from './api.ts';

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly request_id: string;
  readonly errors?: { path: string; message: string }[];
  readonly reset_at?: string;
}

/** What is wrong with a refusal as the contract has it (RFC 9457 and our catalogue); nothing where it is right. */
export function flawsOf(reply: Reply): string[] {
  const problem = reply.body as unknown as ProblemBody;
  const flaws: string[] = [];
  const must = (holds: boolean, flaw: string) => {
    if (!holds) flaws.push(flaw);
  };
  must(reply.headers.get('content-type')?.startsWith('application/problem+json') ?? false, 'content-type');
  must(Object.hasOwn(PROBLEMS, problem.code ?? ''), `code ${problem.code}`);
  must(PROBLEMS[problem.code]?.status === reply.status && problem.status === reply.status, 'status');
  must(problem.title === PROBLEMS[problem.code]?.title, 'title');
  must(problem.type === `urn:postrider:problem:${problem.code}`, 'type');
  must(typeof problem.detail === 'string' && problem.detail !== '', 'detail');
  must(/^req_[\w-]{16}$/.test(problem.request_id ?? ''), 'request_id');
  must(reply.headers.get('x-request-id') === problem.request_id, 'x-request-id');
  must(reply.status < 500, `a fault of ours: ${reply.status}`);
  return flaws;
}

/** The refusal, if it is just this one and in the contract's form. */
export async function refusal(reply: Promise<Reply> | Reply, code: ProblemCode): Promise<ProblemBody> {
  const given = await reply;
  const problem = given.body as unknown as ProblemBody;
  expect({ code: problem.code, flaws: flawsOf(given) }, given.text.slice(0, 500)).toEqual({ code, flaws: [] });
  return problem;
}

/** Everything of an environment that a refused call could have left behind, as ids. */
export async function inventory(api: Api): Promise<Record<string, unknown>> {
  const [applications, endpoints, direct, routes, keys, messages, deliveries] = await Promise.all([
    all<object>(api, '/v1/app'),
    all<object>(api, '/v1/endpoints'),
    all<object>(api, '/v1/endpoints?direct=true'),
    all<object>(api, '/v1/routes'),
    all<ApiKey>(api, '/v1/api-keys'),
    all<object>(api, '/v1/messages'),
    all<Delivery>(api, '/v1/deliveries'),
  ]);
  // When they were last used is written once a minute, whenever that is.
  const undated = keys.map((key) => ({ ...key, last_used_at: null }));
  return {
    applications,
    endpoints,
    direct,
    routes,
    keys: undated,
    messages,
    deliveries: deliveries.map(({ id }) => id),
  };
}

/** Runs calls that must change nothing. */
export async function leavingNothing(api: Api, calls: () => Promise<void>): Promise<void> {
  const before = await inventory(api);
  await calls();
  expect(await inventory(api)).toEqual(before);
}
