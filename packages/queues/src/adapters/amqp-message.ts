import { randomUUID } from 'node:crypto';
import type { ConsumeMessage, Options } from 'amqplib';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';

const GROUP = 'postrider-group';
const DELIVERY_COUNT = 'x-delivery-count';
/** What the server adds, above all to what was delayed. */
const OF_SERVER = /^(x-delivery-count|x-death|x-(first|last)-death-.*)$/;

export interface AmqpMessage extends IncomingMessage {
  readonly delivery: ConsumeMessage;
}

/** A message as AMQP carries it, with an id: the broker has none of its own. @throws QueueError `too_large` */
export function toAmqp({ body, group, headers: given = {}, delayMs = 0 }: OutgoingMessage, maxBytes: number) {
  const headers: Record<string, string> = {
    ...given,
    ...(group !== undefined && group !== null && { [GROUP]: group }),
  };
  const content = Buffer.from(body);
  const bytes = Object.entries(headers).reduce((sum, each) => sum + Buffer.byteLength(each.join('')), content.length);
  if (bytes > maxBytes) throw new QueueError('too_large', `a message has ${bytes} bytes; the limit is ${maxBytes}`);
  const options: Options.Publish = { headers, messageId: randomUUID(), persistent: true, mandatory: true };
  return { content, options, id: options.messageId ?? '', group: group ?? null, bytes, delayMs };
}

/** @param isHere whether a message with this id is in hand: then this is another one of the same name. */
export function fromAmqp(delivery: ConsumeMessage, isHere: (id: string) => boolean): AmqpMessage {
  const { messageId } = delivery.properties;
  const { deliveryTag, redelivered } = delivery.fields;
  const given: Record<string, unknown> = delivery.properties.headers ?? {};
  const own = Object.entries(given).filter(([name]) => !OF_SERVER.test(name));
  const headers = Object.fromEntries(own.map(([name, value]) => [name.toLowerCase(), textOf(value)]));
  const { [GROUP]: group = null, ...rest } = headers;
  const id = typeof messageId === 'string' && messageId !== '' ? messageId : `delivery-${randomUUID()}`;
  const count = given[DELIVERY_COUNT];
  return {
    id: isHere(id) ? `${id}#${deliveryTag}` : id,
    body: delivery.content,
    group,
    headers: rest,
    // A queue that is no quorum queue knows only whether it was given out before.
    deliveryCount: typeof count === 'number' ? count + 1 : redelivered ? 2 : 1,
    delivery,
  };
}

/** Others may send numbers, tables and lists. */
function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
