import type { KafkaRecord } from '@platformatic/kafka';
import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';

export interface KafkaMessage extends IncomingMessage {
  readonly partition: number;
  readonly offset: number;
}

/** What a record takes besides its bytes, and each of its headers: lengths and deltas. */
const OVERHEAD = { record: 32, header: 10 };

/** A message as a record: its group is the key, which finds the partition. @throws QueueError `too_large` */
export function toKafka({ body, group, headers: given = {} }: OutgoingMessage, maxBytes: number) {
  const value = Buffer.from(body);
  const key = group === undefined || group === null ? undefined : Buffer.from(group);
  const headers = new Map(Object.entries(given).map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const));
  const own = value.length + (key?.length ?? 0);
  const size = [...headers].reduce((sum, [name, text]) => sum + name.length + text.length, own);
  if (size > maxBytes) throw new QueueError('too_large', `a message has ${size} bytes; the limit is ${maxBytes}`);
  return { value, key, headers, bytes: size + OVERHEAD.record + OVERHEAD.header * headers.size };
}

/** What another published under a key that is no text has a group all the same, if an odd one. */
export function fromKafka(record: KafkaRecord, partition: number, offset: number): KafkaMessage {
  const headers = record.headers.map(
    ([name, value]) => [String(name ?? '').toLowerCase(), String(value ?? '')] as const,
  );
  return {
    id: `${partition}-${offset}`,
    // One without a value marks its key as deleted.
    body: record.value ?? Buffer.alloc(0),
    group: record.key?.toString() ?? null,
    headers: Object.fromEntries(headers),
    deliveryCount: 1,
    partition,
    offset,
  };
}
