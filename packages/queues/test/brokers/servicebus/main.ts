import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import rhea, { type Connection, type EventContext, type Message, type Sender } from 'rhea';
import { Claims } from './claims.ts';
import { LOCK_MS, Queue, type Stored } from './queue.ts';

/**
 * A stand-in for Azure Service Bus: AMQP 1.0 without TLS, tokens by `$cbs`, queues with locks, scheduled messages, and of
 * `$management` what renews locks, settles and peeks. Written after what the client sends and expects; where the service
 * does otherwise, that is not seen here. Every queue is there unless its name begins with `none`. What is stored is
 * written to a file at SIGTERM and read at the start.
 */
const { values } = parseArgs({ options: { port: { type: 'string' }, folder: { type: 'string' } } });
const folder = values.folder ?? '.';
mkdirSync(folder, { recursive: true });
const stateFile = join(folder, 'state.json');
const claims = new Claims(join(folder, 'keys.json'));

/** The service's own, of its standard tier. */
const MAX_BYTES = 256 * 1024;
/** What the library has and its types do not name. */
interface Outcome {
  described(): never;
}
const outcomes = rhea.message as unknown as {
  accepted(fields: object): Outcome;
  rejected(fields: { error: { condition: string; description: string } }): Outcome;
};
const creditOf = (link: Sender) => ('credit' in link ? Number(link.credit) : 0);

const queues = new Map<string, Queue>();
/** Links on which messages go out, by queue. */
const outlets = new Map<string, Set<Sender>>();
/** Links on which answers go out, by connection and name. */
const replies = new WeakMap<Connection, Map<string, Sender>>();
const permitted = new WeakSet<Connection>();
const due = new Set<string>();
let nextSequence = 1;

const container = rhea.create_container({ non_fatal_errors: ['ECONNRESET', 'EPIPE'] });
container.sasl_server_mechanisms.enable_anonymous();

container.on('sender_open', ({ connection, sender }: EventContext) => {
  if (!sender || !connection) return;
  const address = textOf(sender.source?.address);
  sender.set_source({ address });
  sender.set_target({ address: textOf(sender.target?.address) });
  if (isService(address)) {
    const known = replies.get(connection) ?? new Map<string, Sender>();
    replies.set(connection, known.set(sender.name, sender).set(textOf(sender.target?.address), sender));
    if (address !== '$cbs' && !isThere(address)) refuse(sender, address);
    return;
  }
  if (!permitted.has(connection)) return unauthorized(sender);
  if (!isThere(address)) return refuse(sender, address);
  const links = outlets.get(address) ?? new Set();
  outlets.set(address, links.add(sender));
});

container.on('receiver_open', ({ connection, receiver }: EventContext) => {
  if (!receiver || !connection) return;
  const address = textOf(receiver.target?.address);
  receiver.set_target({ address });
  if (address === '$cbs') return;
  if (!permitted.has(connection)) return unauthorized(receiver);
  if (!isThere(address)) refuse(receiver, address);
});

container.on('sendable', ({ sender }: EventContext) => give(textOf(sender?.source?.address)));
container.on('sender_draining', ({ sender }: EventContext) => sender?.set_drained(true));
container.on('sender_close', ({ sender }: EventContext) => {
  if (sender) outlets.get(textOf(sender.source?.address))?.delete(sender);
});
container.on('disconnected', ({ connection }: EventContext) => {
  for (const links of outlets.values()) {
    for (const link of links) if (link.connection === connection) links.delete(link);
  }
});
// Or its absence would be thrown.
container.on('error', () => {});
for (const each of ['connection_error', 'session_error', 'sender_error', 'receiver_error'])
  container.on(each, () => {});

container.on('message', ({ connection, receiver, message, delivery }: EventContext) => {
  if (!connection || !receiver || !message || !delivery) return;
  const address = textOf(receiver.target?.address);
  if (address === '$cbs') putToken(connection, message);
  else if (isService(address)) manage(connection, queueOf(address.replace('/$management', '')), message);
  else for (const each of Buffer.isBuffer(message) ? partsOf(message) : [message]) enqueue(address, each);
});

for (const outcome of ['accepted', 'released'] as const) {
  container.on(outcome, ({ sender, delivery }: EventContext) => {
    if (!sender || !delivery || !Buffer.isBuffer(delivery.tag) || delivery.tag.length !== 16) return;
    const queue = queueOf(textOf(sender.source?.address));
    const token = tokenOf(delivery.tag);
    const isHeld = outcome === 'accepted' ? queue.complete(token) : queue.abandon(token);
    const error = { condition: 'com.microsoft:message-lock-lost', description: 'The lock supplied is invalid.' };
    delivery.update(true, (isHeld ? outcomes.accepted({}) : outcomes.rejected({ error })).described());
  });
}

function enqueue(name: string, message: Message): void {
  const scheduled = message.message_annotations?.['x-opt-scheduled-enqueue-time'];
  queueOf(name).add({
    sequence: nextSequence++,
    encoded: rhea.message.encode(message).toString('base64'),
    enqueuedAt: Date.now(),
    availableAt: scheduled === undefined ? 0 : Number(scheduled),
    lock: null,
    failures: 0,
  });
}

/** Many encoded messages in one, which has a format of its own and is not decoded. */
function partsOf(batch: Buffer): Message[] {
  return [decoded(batch).body.content].flat().map((encoded: Buffer) => decoded(encoded));
}

/** Soon, and once for all that asked: links know their credit only when what was sent has gone. */
function give(name: string): void {
  if (due.has(name)) return;
  due.add(name);
  setImmediate(() => {
    due.delete(name);
    for (const link of outlets.get(name) ?? []) {
      for (let room = link.sendable() ? creditOf(link) : 0; room > 0; room--) {
        const taken = queueOf(name).take();
        if (!taken) return;
        link.send(outgoing(taken.message, taken.until), bytesOf(taken.token));
      }
    }
  });
}

function outgoing({ sequence, encoded, enqueuedAt, failures }: Stored, lockedUntil: number | null): Message {
  const message = decoded(Buffer.from(encoded, 'base64'));
  return {
    ...message,
    delivery_count: failures,
    message_annotations: {
      ...message.message_annotations,
      'x-opt-sequence-number': rhea.types.wrap_long(sequence),
      'x-opt-enqueued-time': rhea.types.wrap_timestamp(enqueuedAt),
      ...(lockedUntil !== null && { 'x-opt-locked-until': rhea.types.wrap_timestamp(lockedUntil) }),
    },
  };
}

function decoded(encoded: Buffer): Message {
  return { body: null, ...rhea.message.decode(encoded) };
}

function putToken(connection: Connection, request: Message): void {
  const isKnown = claims.accepts(textOf(request.body));
  if (isKnown) permitted.add(connection);
  answer(connection, request, {
    'status-code': isKnown ? 202 : 401,
    'status-description': isKnown ? 'Accepted' : 'InvalidSignature: The token has an invalid signature.',
  });
}

function manage(connection: Connection, queue: Queue, request: Message): void {
  const { body } = request;
  const ok = { statusCode: 200, statusDescription: 'OK' };
  const lost = {
    statusCode: 410,
    statusDescription: 'The lock supplied is invalid.',
    errorCondition: 'com.microsoft:message-lock-lost',
  };
  const tokens: string[] = [body?.['lock-tokens'] ?? []].flat().map((token: Buffer) => uuid(token));
  switch (request.application_properties?.operation) {
    case 'com.microsoft:renew-lock': {
      const ends = tokens.map((token) => queue.renew(token)).filter((end) => end !== null);
      if (ends.length < tokens.length) return answer(connection, request, lost);
      return answer(connection, request, ok, { expirations: rhea.types.wrap_array(ends, 0x83, undefined) });
    }
    case 'com.microsoft:update-disposition': {
      const isCompleted = body['disposition-status'] === 'completed';
      const settled = tokens.map((token) => (isCompleted ? queue.complete(token) : queue.abandon(token)));
      return answer(connection, request, settled.every(Boolean) ? ok : lost);
    }
    case 'com.microsoft:peek-message': {
      const first = queue.first();
      if (!first) return answer(connection, request, { statusCode: 204, statusDescription: 'No Content' });
      const encoded = rhea.message.encode(outgoing(first, null));
      return answer(connection, request, ok, { messages: [{ message: encoded }] });
    }
    default:
      answer(connection, request, { statusCode: 501, statusDescription: 'Not Implemented' });
  }
}

function answer(connection: Connection, request: Message, properties: Record<string, unknown>, body: unknown = null) {
  const link = replies.get(connection)?.get(textOf(request.reply_to));
  const { message_id: correlation_id } = request;
  link?.send({ body, application_properties: properties, ...(correlation_id !== undefined && { correlation_id }) });
}

function queueOf(name: string): Queue {
  const known = queues.get(name);
  if (known) return known;
  const made = new Queue([], () => give(name));
  queues.set(name, made);
  return made;
}

function isService(address: string): boolean {
  return address === '$cbs' || address.endsWith('/$management');
}

function isThere(address: string): boolean {
  return !address.startsWith('none');
}

interface Closable {
  close(error: { condition: string; description: string }): void;
}

function refuse(link: Closable, address: string): void {
  const description = `The messaging entity 'sb://localhost/${address}' could not be found.`;
  link.close({ condition: 'amqp:not-found', description });
}

function unauthorized(link: Closable): void {
  link.close({
    condition: 'amqp:unauthorized-access',
    description: "Unauthorized access. 'Send,Listen' claim(s) required.",
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function bytesOf(token: string): Buffer {
  return Buffer.from(token.replaceAll('-', ''), 'hex');
}

function tokenOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A client shows the first three parts of a tag the other way round, as the service's own language does. */
function uuid(bytes: Buffer): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return tokenOf(Buffer.from(order.map((at) => bytes[at] ?? 0)));
}

function load(): void {
  let text: string;
  try {
    text = readFileSync(stateFile, 'utf8');
  } catch {
    return;
  }
  const state: { next: number; queues: Record<string, Stored[]> } = JSON.parse(text);
  nextSequence = state.next;
  for (const [name, stored] of Object.entries(state.queues)) queues.set(name, new Queue(stored, () => give(name)));
}

process.on('SIGTERM', () => {
  const stored = Object.fromEntries([...queues].map(([name, queue]) => [name, queue.stored]));
  writeFileSync(stateFile, JSON.stringify({ next: nextSequence, queues: stored }));
  process.exit(0);
});

load();
container.listen({
  port: Number(values.port),
  host: '127.0.0.1',
  max_frame_size: 65_536,
  receiver_options: { max_message_size: MAX_BYTES },
});
process.stdout.write(`locks of ${LOCK_MS} ms\n`);
