import { randomFillSync } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { ErrorObject } from 'ajv';
import type { FastifyReply } from 'fastify';
import { SealError } from '../crypto/vault.ts';
import { invalidFields, PROBLEMS, Problem } from '../errors.ts';
import { isTransient } from '../store/database.ts';
import { isSvixUrl } from './svix/mount.ts';
import { presentSvixProblem } from './svix/problem.ts';
import { fieldErrors } from './validation.ts';

/** Turns whatever was thrown on the way into a problem of the catalogue. What nobody foresaw is `internal_error`. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SealError) return new Problem('internal_error', 'a stored secret cannot be opened');
  const { validation, validationContext, code, statusCode } = error as FastifyLikeError;
  if (validation) return invalidFields(fieldErrors(validation, validationContext ?? 'body'));
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new Problem('payload_too_large', 'the request is over its limit');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Problem('unsupported_media_type', 'send content-type: application/json');
  }
  // The router's and the parser's own refusals: a malformed URL, a body that is shorter than it said. Before the check
  // of the database: a caller that hangs up in its body is an ECONNRESET too.
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem('invalid_request', 'the request is malformed');
  }
  // Away, starting, out of something, or it chose this call as a deadlock's victim: the same call may well work in a moment.
  if (isTransient(error)) return new Problem('storage_unavailable', 'the database cannot do this now');
  return new Problem('internal_error', 'an unexpected error; the request id leads to it in our log');
}

/** True for what is to be in our log: nothing the caller did, and not a mere overload. */
export function isOurFault(error: unknown): boolean {
  const { code } = problemOf(error);
  return code === 'internal_error' || code === 'storage_unavailable';
}

interface FastifyLikeError {
  readonly validation?: ErrorObject[];
  readonly validationContext?: string;
  readonly code?: string;
  readonly statusCode?: number;
}

export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): FastifyReply {
  const { status, title } = PROBLEMS[problem.code];
  const isSvix = isSvixUrl(reply.request.url);
  reply
    .code(status)
    // frameworkErrors come before any hook.
    .header('x-request-id', requestId)
    .type(isSvix ? 'application/json; charset=utf-8' : 'application/problem+json');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 503) reply.header('retry-after', '1');
  const { errors, reset } = problem;
  if (reset) reply.header('retry-after', String(reset.seconds));
  if (isSvix) return reply.send(JSON.stringify(presentSvixProblem(problem)));
  const body = { ...bodyOf(problem, status, title), request_id: requestId, errors, reset_at: reset?.at.toISOString() };
  return reply.send(JSON.stringify(body));
}

function bodyOf(problem: Problem, status: number, title: string) {
  return { type: `urn:postrider:problem:${problem.code}`, title, status, detail: problem.message, code: problem.code };
}

const REQUEST_ID_BYTES = 12;
// One call into the operating system buys the randomness of 256 ids.
const POOL = 256 * REQUEST_ID_BYTES;
const pool = Buffer.alloc(POOL);
let poolAt = POOL;

/** What every answer carries as x-request-id, and our log beside it. */
export function newRequestId(): string {
  if (poolAt === POOL) {
    randomFillSync(pool);
    poolAt = 0;
  }
  poolAt += REQUEST_ID_BYTES;
  return `req_${pool.toString('base64url', poolAt - REQUEST_ID_BYTES, poolAt)}`;
}

/** For what is not even HTTP: there is no request to reply to, only a socket. */
export function writeProblem(socket: Duplex): void {
  if (!socket.writable) return;
  const { status, title } = PROBLEMS.invalid_request;
  const requestId = newRequestId();
  const problem = bodyOf(new Problem('invalid_request', 'the request is not valid HTTP'), status, title);
  const body = JSON.stringify({ ...problem, request_id: requestId });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      `x-request-id: ${requestId}\r\nconnection: close\r\n\r\n${body}`,
  );
}
