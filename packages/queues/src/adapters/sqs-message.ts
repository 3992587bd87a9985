import { createHash, randomUUID } from 'node:crypto';
import type { Message, MessageAttributeValue, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';

export interface SqsMessage extends IncomingMessage {
  /** Of this delivery. */
  readonly receipt: string;
  /** Grows along a FIFO queue; empty on another. */
  readonly sequence: string;
  /** The service gives it out again then, unless it hears of it: performance.now(). */
  leasedUntil: number;
}

/** What one message may have. */
const MAX_ATTRIBUTES = 10;
/** The body is base64: it was no text that SQS takes. */
const ENCODING = 'postrider-encoding';
/** The group in base64, where it is no id of one. */
const GROUP = 'postrider-group';
/** A JSON object of the headers that have no attribute of their own. */
const HEADERS = 'postrider-headers';
/** The id of a group that is of one message alone begins so. */
const ALONE = 'postrider-alone-';

/** Longest delay of SQS. */
const MAX_DELAY_MS = 900_000;

/** A message as SQS carries it. @throws QueueError `too_large`, `unsupported` */
export function toSqs(message: OutgoingMessage, isFifo: boolean, maxBytes: number) {
  const { body, group = null, headers = {}, dedupeId, delayMs = 0 } = message;
  if (delayMs > 0 && isFifo) throw new QueueError('unsupported', 'delayMs: a FIFO queue of SQS has no delays');
  if (delayMs > MAX_DELAY_MS) throw new QueueError('unsupported', 'delayMs: SQS delays for 15 minutes at most');
  const bytes = Buffer.from(body);
  const text = bytes.toString();
  const isText = text !== '' && isTakenText(text) && Buffer.from(text).equals(bytes);
  const messageBody = isText ? text : base64(bytes);
  const groupId = group === null ? null : idOf(group);
  const own = {
    ...(!isText && { [ENCODING]: 'base64' }),
    ...(groupId !== group && { [GROUP]: base64(Buffer.from(group ?? '')) }),
  };
  const attributes = { ...own, ...fitted(headers, MAX_ATTRIBUTES - Object.keys(own).length) };
  const size = Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name + value) + 'String'.length,
    Buffer.byteLength(messageBody),
  );
  if (size > maxBytes) throw new QueueError('too_large', `a message has ${size} bytes; the limit is ${maxBytes}`);
  const entry: Omit<SendMessageBatchRequestEntry, 'Id'> = {
    MessageBody: messageBody,
    MessageAttributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
    ),
    ...(isFifo && {
      MessageGroupId: groupId ?? ALONE + randomUUID(),
      MessageDeduplicationId: dedupeId === undefined ? randomUUID() : idOf(dedupeId),
    }),
    // It keeps no order there, and lets the others have their turn.
    ...(!isFifo && groupId !== null && { MessageGroupId: groupId }),
    ...(delayMs > 0 && { DelaySeconds: Math.ceil(delayMs / 1_000) }),
  };
  return { bytes: size, entry };
}

/** @param extra how much more often it was in hand than SQS says. */
export function fromSqs(
  { MessageId, Body = '', Attributes = {}, MessageAttributes = {}, ReceiptHandle }: Message,
  leasedUntil: number,
  extra: (id: string) => number,
): SqsMessage {
  const id = MessageId ?? '';
  const { [ENCODING]: encoding, [GROUP]: group, [HEADERS]: more, ...headers } = textsOf(MessageAttributes);
  const groupId = Attributes.MessageGroupId ?? '';
  return {
    id,
    body: Buffer.from(Body, encoding === 'base64' ? 'base64' : 'utf8'),
    group:
      groupId === '' || groupId.startsWith(ALONE)
        ? null
        : group === undefined
          ? groupId
          : String(Buffer.from(group, 'base64')),
    headers: { ...objectIn(more), ...headers },
    deliveryCount: Math.max(1, Number(Attributes.ApproximateReceiveCount ?? 1) + extra(id)),
    receipt: ReceiptHandle ?? '',
    sequence: Attributes.SequenceNumber ?? '',
    leasedUntil,
  };
}

/** Numbers as text, of as many digits as they need. */
export function inSequence(a: SqsMessage, b: SqsMessage): number {
  return a.sequence.length - b.sequence.length || (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0);
}

/** Ids of SQS are 128 letters, digits and marks at most: others go as their digest. */
function idOf(text: string): string {
  if (/^[!-~]{1,128}$/.test(text) && !text.startsWith('postrider-')) return text;
  return `postrider-${createHash('sha256').update(text).digest('base64url')}`;
}

/** That of nothing still is something, as everything has to be. */
function base64(bytes: Buffer): string {
  return bytes.toString('base64') || '=';
}

/** Each header an attribute, and those that cannot be one together in another. */
function fitted(headers: Readonly<Record<string, string>>, room: number): Record<string, string> {
  const fits = ([name, value]: [string, string]) => /^[\w-]{1,250}$/.test(name) && value !== '' && isTakenText(value);
  const all = Object.entries(headers);
  const isReserved = ([name]: [string, string]) => /^(aws|amazon)/i.test(name) || OWN.has(name);
  const fit = all.filter((each) => fits(each) && !isReserved(each));
  if (fit.length === all.length && all.length <= room) return headers;
  const alone = new Map(fit.slice(0, room - 1));
  const rest = all.filter(([name]) => !alone.has(name));
  return { ...Object.fromEntries(alone), [HEADERS]: JSON.stringify(Object.fromEntries(rest)) };
}

const OWN: ReadonlySet<string> = new Set([ENCODING, GROUP, HEADERS]);

/** Characters of XML, as SQS takes them and no others. */
function isTakenText(text: string): boolean {
  return /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u.test(text);
}

function textsOf(attributes: Readonly<Record<string, MessageAttributeValue>>): Record<string, string> {
  const texts = Object.entries(attributes).map(([name, { StringValue, BinaryValue }]) => [
    name.toLowerCase(),
    StringValue ?? Buffer.from(BinaryValue ?? []).toString('base64'),
  ]);
  return Object.fromEntries(texts);
}

function objectIn(json: string | undefined): Record<string, string> {
  try {
    const value: unknown = JSON.parse(json ?? '{}');
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, String(each)]));
  } catch {
    // Somebody else's.
    return {};
  }
}
