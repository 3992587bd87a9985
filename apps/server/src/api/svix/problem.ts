import type { FieldError, Problem, ProblemCode } from '../../errors.ts';

/** Codes that Svix has a word of its own for, and clients may branch on. All others are ours. */
const CODES: Partial<Record<ProblemCode, string>> = {
  unauthenticated: 'authentication_failed',
  already_exists: 'conflict',
  internal_error: 'server_error',
};

/** Fields that are called otherwise there. */
const FIELDS: Readonly<Record<string, string>> = {
  event_type: 'eventType',
  event_id: 'eventId',
  events: 'eventTypes',
  rate_limit: 'throttleRate',
  deliver_at: 'deliverAt',
  group: 'groupName',
  schema: 'schemas',
};

/** The body of a refusal: `{code, detail}`, and for 422 a list of what is wrong and where. */
export function presentSvixProblem(problem: Problem): object {
  if (problem.code !== 'validation_failed') {
    return { code: CODES[problem.code] ?? problem.code, detail: problem.message };
  }
  const errors = problem.errors ?? [{ path: '/', message: problem.message }];
  return { detail: errors.map(presentFieldError) };
}

function presentFieldError({ path, message }: FieldError) {
  return { loc: locationOf(path), msg: message, type: 'value_error' };
}

/** `["body", "headers", "x-a"]` of a JSON pointer into the body, `["query", "limit"]` of the name of a parameter. */
function locationOf(path: string): string[] {
  if (path !== '' && !path.startsWith('/')) return [path === 'idempotency-key' ? 'header' : 'query', path];
  const names = path.split('/').slice(1);
  const members = names.filter((name) => name !== '').map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  return ['body', ...members.map((name, n) => (n === 0 ? (FIELDS[name] ?? name) : name))];
}
