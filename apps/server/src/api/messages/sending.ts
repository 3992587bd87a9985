import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../auth/authenticate.ts';
import type { Trigger } from '../../core/delivery.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import type { Uuid } from '../../core/ids.ts';
import { type Matched, matchingJson } from '../../directory/application-entry.ts';
import { checkByCatalogue } from '../../directory/catalogue-check.ts';
import type { EnvironmentEntry } from '../../directory/environment-entry.ts';
import { checkHeaders } from '../../egress/headers.ts';
import { invalidFields } from '../../errors.ts';
import type { Accepted, Draft } from '../../ingest/acceptor.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { answerSoFar, earlierAnswer, type KeyedCall, keyedCall, keyInUse, sendAnswer } from '../idempotency.ts';
import { deliverAt } from './deliver-at.ts';

/** One message as a route has resolved it; what every way to send has in common begins here. */
export interface Sending {
  readonly application: Uuid;
  /** What it is held against; left out for what Postrider itself has to say. */
  readonly environment?: EnvironmentEntry;
  readonly eventType: string;
  readonly eventId?: string | undefined;
  /** JSON text. */
  readonly payload: string;
  readonly headers?: Record<string, string> | undefined;
  readonly channels?: readonly string[] | undefined;
  /** RFC 3339. */
  readonly deliverAt?: string | undefined;
  readonly matched: Matched;
  readonly trigger?: Trigger;
  /** The key where a route takes it in the body too. */
  readonly idempotencyKey?: string | undefined;
  /** In place of the call's own key. */
  readonly keyed?: KeyedCall | undefined;
  /** The 202's body, or its JSON text. */
  readonly answer: (accepted: Accepted) => object | string;
}

/** Accepts a message and answers 202, or what the first call with its idempotency key was answered. */
export function createSender(deps: ApiDependencies) {
  return async (request: FastifyRequest, reply: FastifyReply, sending: Sending): Promise<FastifyReply> => {
    const call = sending.keyed ?? keyedCall(request, sending.application, sending.idempotencyKey);
    const bodyOf = (accepted: Accepted) => {
      const answer = sending.answer(accepted);
      return typeof answer === 'string' ? answer : JSON.stringify(answer);
    };
    const draft = draftOf(request.caller, sending);
    let payloadErrors: string | null = null;
    if (sending.environment?.catalogue) {
      try {
        payloadErrors = await checkByCatalogue(deps.directory, sending.environment, sending);
      } catch (error) {
        // What was accepted once is answered as it was, whatever the catalogue says since.
        const answer = call && (await answerSoFar(deps, call));
        if (!answer) throw error;
        return sendAnswer(reply, { answer, isReplay: true });
      }
    }
    const acceptance = await deps.acceptor.accept({
      ...draft,
      payloadErrors,
      keyed: call && ((accepted) => ({ ...call, status: 202, body: bodyOf(accepted) })),
    });
    if (acceptance.kind === 'accepted') {
      return sendAnswer(reply, { answer: { status: 202, body: bodyOf(acceptance.accepted) }, isReplay: false });
    }
    if (acceptance.kind === 'key_in_use' || !call) throw keyInUse();
    return sendAnswer(reply, { answer: await earlierAnswer(deps, call), isReplay: true });
  };
}

/** What the acceptor takes. @throws Problem `validation_failed` for headers or a time that cannot be. */
export function draftOf(caller: Caller, sending: Sending): Omit<Draft, 'keyed'> {
  return {
    environmentId: caller.environmentId,
    applicationId: sending.application,
    eventType: sending.eventType,
    eventId: sending.eventId ?? null,
    payload: sending.payload,
    headers: messageHeaders(sending.headers),
    channels: sending.channels ?? null,
    endpoints: sending.matched.endpoints,
    matching: sending.matched.matching,
    trigger: sending.trigger ?? 'scheduled',
    deliverAt: deliverAt(sending.deliverAt),
  };
}

/** What is stored for a message that is for one endpoint by name. A disabled endpoint gets nothing, and it says so. */
export function addressed(endpoint: Endpoint): Matched {
  const matched = endpoint.status !== 'disabled';
  return {
    endpoints: matched ? [endpoint] : [],
    matching: matchingJson([
      { endpoint_id: endpoint.id, matched, reason: matched ? 'addressed' : 'endpoint_disabled' },
    ]),
  };
}

/** Checked, lower-case names; null for none. @throws Problem `validation_failed`. */
export function messageHeaders(headers: Record<string, string> | undefined): Record<string, string> | null {
  if (!headers || Object.keys(headers).length === 0) return null;
  const checked = checkHeaders(headers, 'message');
  if (checked.ok) return checked.headers;
  throw invalidFields(checked.errors.map(({ path, message }) => ({ path: `/headers/${path}`, message })));
}
