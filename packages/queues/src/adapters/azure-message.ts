import { randomUUID } from 'node:crypto';
import type { ServiceBusMessage, ServiceBusReceivedMessage } from '@azure/service-bus';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';

export interface AzureMessage extends IncomingMessage {
  readonly received: ServiceBusReceivedMessage;
}

/** A message as Service Bus carries it. @throws QueueError `too_large` */
export function toAzure(outgoing: OutgoingMessage, maxBytes: number): ServiceBusMessage {
  const { body: given, group, headers = {}, dedupeId, delayMs = 0 } = outgoing;
  const body = Buffer.from(given);
  const texts = [group ?? '', ...Object.entries(headers).flat()];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), body.length);
  if (bytes > maxBytes) throw new QueueError('too_large', `a message has ${bytes} bytes; the limit is ${maxBytes}`);
  return {
    body,
    messageId: dedupeId ?? randomUUID(),
    applicationProperties: { ...headers },
    // A queue that has no sessions takes it all the same.
    ...(group !== undefined && group !== null && { sessionId: group }),
    ...(delayMs > 0 && { scheduledEnqueueTimeUtc: new Date(Date.now() + delayMs) }),
  };
}

export function fromAzure(received: ServiceBusReceivedMessage): AzureMessage {
  const headers = Object.entries(received.applicationProperties ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value instanceof Date ? value.toISOString() : String(value),
  ]);
  return {
    id: String(received.sequenceNumber ?? received.messageId),
    body: bytesOf(received.body),
    group: received.sessionId ?? null,
    headers: Object.fromEntries(headers),
    // AMQP counts the deliveries that failed.
    deliveryCount: (received.deliveryCount ?? 0) + 1,
    received,
  };
}

/** Others may send several pieces, or text and objects that are not bytes. */
function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (Array.isArray(body) && body.every((part) => Buffer.isBuffer(part))) return Buffer.concat(body);
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''));
}
