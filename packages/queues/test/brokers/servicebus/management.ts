import rhea, { type Message } from 'rhea';
import type { Queue } from './queue.ts';
import { outgoing, uuid } from './wire.ts';

export interface Answer {
  readonly properties: Record<string, unknown>;
  readonly body: unknown;
}

/** As rhea names it. */
const TIMESTAMP = 0x83;

/** `$management` of one queue: what renews locks, settles without a link, and peeks. */
export function manage(queue: Queue, { application_properties, body }: Message, now: number): Answer {
  const tokens: string[] = [body?.['lock-tokens'] ?? []].flat().map((token: Buffer) => uuid(token));
  switch (application_properties?.operation) {
    case 'com.microsoft:renew-lock': {
      const ends = tokens.map((token) => queue.renew(token, now)).filter((end) => end !== null);
      if (ends.length < tokens.length) return lost('message');
      return ok({ expirations: rhea.types.wrap_array(ends, TIMESTAMP, undefined) });
    }
    case 'com.microsoft:renew-session-lock': {
      const end = queue.renewSession(String(body?.['session-id']), now);
      return end === null ? lost('session') : ok({ expiration: rhea.types.wrap_timestamp(end) });
    }
    case 'com.microsoft:update-disposition':
      return tokens.map((token) => settle(queue, token, body)).every(Boolean) ? ok() : lost('message');
    case 'com.microsoft:peek-message': {
      const found = queue.peek(Number(body?.['from-sequence-number'] ?? 0), Number(body?.['message-count'] ?? 1));
      if (found.length === 0) return answer(204, 'No Content');
      return ok({ messages: found.map((each) => ({ message: rhea.message.encode(outgoing(each, null)) })) });
    }
    default:
      return answer(501, 'Not Implemented');
  }
}

function settle(queue: Queue, token: string, body: Record<string, unknown>): boolean {
  switch (body['disposition-status']) {
    case 'completed':
      return queue.complete(token);
    case 'suspended':
      return queue.deadLetter(token, String(body['deadletter-reason'] ?? ''));
    default:
      return queue.abandon(token);
  }
}

function ok(body: unknown = null): Answer {
  return answer(200, 'OK', body);
}

function lost(what: 'message' | 'session'): Answer {
  const { properties } = answer(410, 'The lock supplied is invalid.');
  return { properties: { ...properties, errorCondition: `com.microsoft:${what}-lock-lost` }, body: null };
}

function answer(statusCode: number, statusDescription: string, body: unknown = null): Answer {
  return { properties: { statusCode, statusDescription }, body };
}
