import { randomInt, randomUUID } from 'node:crypto';
import type { ServiceBusMessage, ServiceBusReceivedMessage } from '@azure/service-bus';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';
import type { AzureSession } from './azure-sessions.ts';

export interface AzureMessage extends IncomingMessage {
  readonly received: ServiceBusReceivedMessage;
  /** Whose lock it is under, where the queue has sessions. */
  readonly session: AzureSession | null;
}

/** Of a session id, and of a message id. */
const MAX_ID = 128;
/** A queue with sessions takes no message without one: those that have no group are spread over a few. */
const NO_GROUP = { prefix: 'postrider-none-', sessions: 16 };

/** A message as Service Bus carries it. @throws QueueError `too_large`, `rejected` */
export function toAzure(outgoing: OutgoingMessage, maxBytes: number, hasSessions: boolean): ServiceBusMessage {
  const { body: given, headers = {}, dedupeId, delayMs = 0 } = outgoing;
  const body = Buffer.from(given);
  const group = outgoing.group ?? null;
  const texts = [group ?? '', ...Object.entries(headers).flat()];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), body.length);
  if (bytes > maxBytes) throw new QueueError('too_large', `a message has ${bytes} bytes; the limit is ${maxBytes}`);
  for (const [field, id] of Object.entries({ group, dedupeId })) {
    if (id && id.length > MAX_ID) throw new QueueError('rejected', `${field}: at most ${MAX_ID} characters`);
  }
  const sessionId = group ?? (hasSessions ? `${NO_GROUP.prefix}${randomInt(NO_GROUP.sessions)}` : null);
  return {
    body,
    messageId: dedupeId ?? randomUUID(),
    applicationProperties: { ...headers },
    // A queue that has no sessions takes it all the same.
    ...(sessionId !== null && { sessionId }),
    ...(delayMs > 0 && { scheduledEnqueueTimeUtc: new Date(Date.now() + delayMs) }),
  };
}

export function fromAzure(received: ServiceBusReceivedMessage, session: AzureSession | null): AzureMessage {
  const headers = Object.entries(received.applicationProperties ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value instanceof Date ? value.toISOString() : String(value),
  ]);
  const group = received.sessionId ?? null;
  // The client settles what has a session id by its own link alone; without sessions the lock is of the queue, and
  // outlives the link.
  if (!session) delete received.sessionId;
  return {
    id: String(received.sequenceNumber ?? received.messageId),
    body: bytesOf(received.body),
    group: session && isNone(group) ? null : group,
    headers: Object.fromEntries(headers),
    // AMQP counts the deliveries that failed.
    deliveryCount: (received.deliveryCount ?? 0) + 1,
    received,
    session,
  };
}

/** Whether a session is of messages without a group. */
export function isNone(sessionId: string | null): boolean {
  return sessionId?.startsWith(NO_GROUP.prefix) ?? false;
}

/** By sequence numbers, which may have more digits than a number holds. */
export function inOrder(a: AzureMessage, b: AzureMessage): number {
  if (a.id === b.id) return 0;
  return a.id.length - b.id.length || (a.id < b.id ? -1 : 1);
}

/** Others may send several pieces, or text and objects that are not bytes. */
function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (Array.isArray(body) && body.every((part) => Buffer.isBuffer(part))) return Buffer.concat(body);
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''));
}
