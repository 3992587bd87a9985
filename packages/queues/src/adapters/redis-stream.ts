import { QueueError } from '../error.ts';
import type { IncomingMessage, OutgoingMessage } from '../port.ts';
import type { Reply } from './redis-client.ts';

const HEADER = 'header:';

/** A message as the fields of an entry: names and values in turn. @throws QueueError `too_large` */
export function fieldsOf({ body, group, headers = {} }: OutgoingMessage, maxBytes: number) {
  const fields: (string | Buffer)[] = ['body', Buffer.from(body)];
  if (group !== undefined && group !== null) fields.push('group', group);
  for (const [name, value] of Object.entries(headers)) fields.push(HEADER + name, value);
  const bytes = fields.reduce((sum, field) => sum + Buffer.byteLength(field), 0);
  if (bytes > maxBytes) throw new QueueError('too_large', `a message has ${bytes} bytes; the limit is ${maxBytes}`);
  return { fields, bytes };
}

/** An entry with its count. What others put into the stream, without a field `body`, gives its fields as JSON. */
export function messageOf(reply: Reply): IncomingMessage | null {
  if (!Array.isArray(reply)) return null;
  const [id, count, flat] = reply;
  if (!Array.isArray(flat)) return null;
  const fields = new Map<string, Buffer>();
  for (let at = 0; at < flat.length; at += 2) {
    const value = flat[at + 1];
    fields.set(String(flat[at]), Buffer.isBuffer(value) ? value : Buffer.from(String(value)));
  }
  const texts = [...fields].map(([name, value]) => [name, value.toString()] as const);
  const headers = texts.filter(([name]) => name.startsWith(HEADER));
  return {
    id: String(id),
    body: fields.get('body') ?? Buffer.from(JSON.stringify(Object.fromEntries(texts))),
    group: fields.get('group')?.toString() ?? null,
    headers: Object.fromEntries(headers.map(([name, value]) => [name.slice(HEADER.length), value])),
    deliveryCount: Number(count),
  };
}

/** Ids of entries: milliseconds and a number within them. */
export function compareIds(a: string, b: string): number {
  const [aTime = '', aNumber = ''] = a.split('-');
  const [bTime = '', bNumber = ''] = b.split('-');
  return Number(aTime) - Number(bTime) || Number(aNumber) - Number(bNumber);
}
