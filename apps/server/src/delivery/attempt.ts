import { FAULTS, type FaultCode } from '../core/attempt-error.ts';
import { type Decision, decide } from '../core/delivery.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { DEFAULT_POLICY, retryPolicy } from '../core/retry-policy.ts';
import type { AttemptResult, LeasedDelivery } from '../store/lease.ts';
import type { Sent, Transport } from './transport.ts';

/** One attempt as it went and what it decided, ready to be recorded. */
export interface Attempt {
  readonly sent: Sent;
  readonly decision: Decision;
  readonly result: AttemptResult;
  /** It failed on our side: it says nothing of the endpoint. `error` is for the log. */
  readonly fault: { readonly code: FaultCode; readonly error: unknown } | null;
}

/** Sends and decides. Never rejects: a failure of our own counts as an attempt, on the ordinary schedule. */
export async function attempt(transport: Transport, endpoint: Endpoint, delivery: LeasedDelivery): Promise<Attempt> {
  const startedAt = new Date();
  if (!endpoint.isReadable) return faultyAttempt(delivery, endpoint, 'secret_unreadable', null, startedAt);
  try {
    const sent = await transport.send(endpoint, delivery);
    const number = delivery.attemptCount + 1;
    const policy = retryPolicy(endpoint.retryPolicy);
    const decision = decide(answerOf(sent), policy, delivery.trigger, number, Date.now(), Math.random());
    return { sent, decision, result: resultOf(delivery, number, sent, decision, startedAt), fault: null };
  } catch (error) {
    return faultyAttempt(delivery, endpoint, 'internal_error', error, startedAt);
  }
}

/** What is recorded of an attempt that failed on our side. It never switches an endpoint off. */
export function faultyAttempt(
  delivery: LeasedDelivery,
  endpoint: Endpoint | null,
  code: FaultCode,
  error: unknown,
  startedAt: Date,
): Attempt {
  const sent: Sent = {
    url: endpoint?.url ?? '',
    requestHeaders: {},
    durationMs: 0,
    timings: { dns: null, connect: null, tls: null, first_byte: null },
    answer: { kind: 'error', code, message: FAULTS[code] },
  };
  const number = delivery.attemptCount + 1;
  const policy = endpoint ? retryPolicy(endpoint.retryPolicy) : DEFAULT_POLICY;
  const decided = decide(answerOf(sent), policy, delivery.trigger, number, Date.now(), Math.random());
  const decision: Decision = decided.status === 'FAILED' ? { status: 'FAILED', disable: null } : decided;
  return { sent, decision, result: resultOf(delivery, number, sent, decision, startedAt), fault: { code, error } };
}

function answerOf({ answer }: Sent) {
  return answer.kind === 'response'
    ? ({ kind: 'response', status: answer.status, retryAfter: answer.headers['retry-after'] } as const)
    : answer;
}

function resultOf(
  delivery: LeasedDelivery,
  number: number,
  sent: Sent,
  decision: Decision,
  startedAt: Date,
): AttemptResult {
  const { answer } = sent;
  const isResponse = answer.kind === 'response';
  return {
    delivery,
    number,
    status: decision.status,
    delayMs: decision.status === 'PENDING' ? decision.delayMs : null,
    url: sent.url,
    requestHeaders: JSON.stringify(sent.requestHeaders),
    responseStatus: isResponse ? answer.status : null,
    responseHeaders: isResponse ? JSON.stringify(answer.headers) : null,
    responseBody: isResponse ? answer.body : null,
    errorCode:
      answer.kind === 'error'
        ? answer.code
        : decision.status === 'SENT' || !isResponse
          ? null
          : `http_${answer.status}`,
    errorMessage: answer.kind === 'error' ? answer.message : null,
    durationMs: Math.round(sent.durationMs),
    timings: JSON.stringify(sent.timings),
    startedAt,
  };
}
