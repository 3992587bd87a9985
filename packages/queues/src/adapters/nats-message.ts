import type { JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';

const GROUP = 'postrider-group';
/** The server's own begin so. */
const OF_SERVER = /^nats-/i;

export interface NatsMessage extends IncomingMessage {
  /** Where acks go. */
  readonly reply: string;
  /** The server gives it out again then, unless it hears of it: performance.now(). */
  leasedUntil: number;
}

/** A message as NATS carries it. @throws QueueError `too_large` */
export async function headersOf({ body, group, headers: given = {}, dedupeId }: OutgoingMessage, maxBytes: number) {
  const { headers: empty } = await import('@nats-io/transport-node');
  const headers: MsgHdrs = empty();
  for (const [name, value] of Object.entries(given)) headers.set(name, value);
  if (group !== undefined && group !== null) headers.set(GROUP, group);
  const bytes = Buffer.from(body);
  const all = [...Object.entries(given), [GROUP, group ?? ''], ['nats-msg-id', dedupeId ?? '']];
  // A line each, and the first one.
  const size = all.reduce((sum, line) => sum + Buffer.byteLength(line.join(': ')) + 2, bytes.length);
  if (size > maxBytes) throw new QueueError('too_large', `a message has ${size} bytes; the limit is ${maxBytes}`);
  return { body: bytes, headers, dedupeId };
}

/** @param message its type hides where it wants its answer. */
export function messageOf(message: JsMsg & { readonly reply?: string }, leasedUntil: number): NatsMessage {
  const headers: Record<string, string> = {};
  for (const [name, values] of message.headers ?? []) {
    if (!OF_SERVER.test(name)) headers[name.toLowerCase()] = values.join(', ');
  }
  const { [GROUP]: group = null, ...rest } = headers;
  return {
    id: String(message.seq),
    body: Buffer.from(message.data),
    group,
    headers: rest,
    deliveryCount: message.info.deliveryCount,
    reply: message.reply ?? '',
    leasedUntil,
  };
}
