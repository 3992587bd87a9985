import type { protos } from '@google-cloud/pubsub';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';

export interface PubSubMessage extends IncomingMessage {
  /** Of this delivery. */
  readonly ackId: string;
  /** The service gives it out again then, unless it hears of it: performance.now(). */
  leasedUntil: number;
}

/** Of one request. */
export const MAX_MESSAGES = 1_000;

/** A message as Pub/Sub carries it. @throws QueueError `too_large` */
export function toPubSub({ body, group, headers = {} }: OutgoingMessage, maxBytes: number) {
  const data = Buffer.from(body);
  const texts = [group ?? '', ...Object.entries(headers).flat()];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), data.length);
  if (bytes > maxBytes) throw new QueueError('too_large', `a message has ${bytes} bytes; the limit is ${maxBytes}`);
  return { bytes, message: { data, attributes: { ...headers }, orderingKey: group ?? '' } };
}

/** @param timesHere how often it was in hand here. */
export function fromPubSub(
  { ackId, message, deliveryAttempt }: protos.google.pubsub.v1.IReceivedMessage,
  leasedUntil: number,
  timesHere: (id: string) => number,
): PubSubMessage {
  const id = message?.messageId ?? '';
  const headers = Object.entries(message?.attributes ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    id,
    body: Buffer.from(message?.data ?? ''),
    group: message?.orderingKey || null,
    headers: Object.fromEntries(headers),
    // The service counts only where a subscription has a dead-letter policy; it calls that count approximate.
    deliveryCount: Math.max(deliveryAttempt ?? 0, timesHere(id) + 1),
    ackId: ackId ?? '',
    leasedUntil,
  };
}
