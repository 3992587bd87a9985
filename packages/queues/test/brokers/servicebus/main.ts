import { join } from 'node:path';
import { parseArgs } from 'node:util';
import rhea, { type Connection, type EventContext, type Message } from 'rhea';
import { Claims, Grants, type Right } from './claims.ts';
import { apart, type Failure, Outlets, Replies } from './links.ts';
import { manage } from './management.ts';
import { Namespace } from './namespace.ts';
import type { Queue } from './queue.ts';
import { BATCH_FORMAT, incoming, partsOf, textOf, withReason } from './wire.ts';

/**
 * A stand-in for Azure Service Bus: AMQP 1.0 without TLS; tokens by `$cbs`, signed with the keys of `keys.json`; the queues
 * and topics of `entities.json`, with locks, sessions, scheduled messages, duplicate detection and dead-letter queues; of
 * `$management` what renews locks, settles and peeks. Written after the service's protocol guide and after what its
 * client sends and expects; where the service does otherwise, that is not seen here.
 *
 * Not there: transactions, deferral, auto-forwarding, rules of subscriptions, expiry of messages and of tokens, quotas.
 */
const { values } = parseArgs({ options: { port: { type: 'string' }, folder: { type: 'string' } } });
const folder = values.folder ?? '.';

/** The service's own, of its standard tier. */
const MAX_BYTES = 256 * 1024;
/** How often what ends by itself is looked for. */
const TICK_MS = 50;

const namespace = new Namespace(folder, withReason);
const claims = new Claims(join(folder, 'keys.json'));
const outlets = new Outlets();
const replies = new Replies();
const grants = new WeakMap<Connection, Grants>();

const container = rhea.create_container({ non_fatal_errors: ['ECONNRESET', 'EPIPE'] });
container.sasl_server_mechanisms.enable_anonymous();

container.on('sender_open', ({ connection, sender }: EventContext) => {
  if (!sender || !connection) return;
  const address = textOf(sender.source?.address);
  sender.set_source({ address });
  sender.set_target({ address: textOf(sender.target?.address) });
  if (isService(address)) {
    replies.add(connection, sender);
    const failure = address === '$cbs' ? null : refusal(connection, address, 'Listen');
    if (failure) sender.close(failure);
    return;
  }
  const queue = namespace.source(address);
  const failure = refusal(connection, address, 'Listen') ?? (queue ? outlets.attach(sender, queue) : missing(address));
  if (failure) sender.close(failure);
});

container.on('receiver_open', ({ connection, receiver }: EventContext) => {
  if (!receiver || !connection) return;
  const address = textOf(receiver.target?.address);
  receiver.set_target({ address });
  if (address === '$cbs') return;
  const failure = isService(address)
    ? refusal(connection, address, 'Listen')
    : (refusal(connection, address, 'Send') ?? (namespace.targets(address) ? null : missing(address)));
  if (failure) receiver.close(failure);
});

container.on('sendable', ({ sender }: EventContext) => sender && outlets.serve(sender));
container.on('sender_draining', ({ sender }: EventContext) => sender && outlets.drain(sender));
container.on('sender_close', ({ sender }: EventContext) => sender && outlets.detach(sender));
// Closed in good order, or not: its links end with it.
for (const end of ['connection_close', 'disconnected']) {
  container.on(end, ({ connection }: EventContext) => outlets.disconnect(connection));
}
// Or its absence would be thrown.
container.on('error', () => {});
for (const each of ['connection_error', 'session_error', 'sender_error', 'receiver_error']) {
  container.on(each, () => {});
}

container.on('message', (context: EventContext) => {
  const { connection, receiver, message, delivery } = context;
  if (!connection || !receiver || !message || !delivery) return;
  const address = textOf(receiver.target?.address);
  if (address === '$cbs') {
    delivery.accept();
    putToken(connection, message);
  } else if (isService(address)) {
    delivery.accept();
    const queue = namespace.source(managed(address));
    if (!queue) return;
    const { properties, body } = manage(queue, message, Date.now());
    replies.send(connection, message, properties, body);
  } else {
    const failure = enqueue(address, message, delivery.format);
    if (failure) apart(() => delivery.reject(failure));
    else delivery.accept();
  }
});

container.on('accepted', (context: EventContext) => {
  outlets.settle(context, (queue, token) => queue.complete(token));
});
container.on('released', (context: EventContext) => {
  outlets.settle(context, (queue, token) => queue.abandon(token));
});
container.on('rejected', (context: EventContext) => {
  const state: { error?: { info?: { DeadLetterReason?: unknown } } } = context.delivery?.remote_state ?? {};
  const reason = textOf(state.error?.info?.DeadLetterReason);
  outlets.settle(context, (queue, token) => queue.deadLetter(token, reason));
});

function enqueue(address: string, message: Message | Buffer, format: number | undefined): Failure | null {
  const encoded = Buffer.isBuffer(message) ? message : rhea.message.encode(message);
  if (encoded.length > MAX_BYTES) {
    const description = `The received message (size:${encoded.length} bytes) exceeds the limit (${MAX_BYTES} bytes).`;
    return { condition: 'amqp:link:message-size-exceeded', description };
  }
  const queues: Queue[] | null = namespace.targets(address);
  if (!queues) return missing(address);
  const all = (format === BATCH_FORMAT ? partsOf(encoded) : [encoded]).map(incoming);
  const needsSession = queues.some(({ settings }) => settings.requiresSession);
  if (needsSession && all.some(({ session }) => session === null)) {
    const description = 'The SessionId was not set on a message, and it cannot be sent to the entity.';
    return { condition: 'amqp:not-allowed', description };
  }
  for (const queue of queues) for (const each of all) queue.add(each, Date.now());
  return null;
}

function putToken(connection: Connection, request: Message): void {
  const audience = textOf(request.application_properties?.name);
  const rights = claims.rights(textOf(request.body), audience);
  if (rights) {
    const known = grants.get(connection) ?? new Grants();
    grants.set(connection, known);
    known.put(audience, rights);
  }
  const properties = {
    'status-code': rights ? 202 : 401,
    'status-description': rights ? 'Accepted' : 'InvalidSignature: The token has an invalid signature.',
  };
  replies.send(connection, request, properties, null);
}

function refusal(connection: Connection, address: string, right: Right): Failure | null {
  if (grants.get(connection)?.allow(address, right)) return null;
  return {
    condition: 'amqp:unauthorized-access',
    description: `Unauthorized access. '${right}' claim(s) are required to perform this operation.`,
  };
}

function missing(address: string): Failure {
  const description = `The messaging entity 'sb://localhost/${address}' could not be found.`;
  return { condition: 'amqp:not-found', description };
}

function isService(address: string): boolean {
  return address === '$cbs' || address.endsWith('/$management');
}

function managed(address: string): string {
  return address.replace(/\/\$management$/, '');
}

process.on('SIGTERM', () => process.exit(0));
setInterval(() => namespace.tick(Date.now()), TICK_MS);
container.listen({
  port: Number(values.port),
  host: '127.0.0.1',
  max_frame_size: 65_536,
  receiver_options: { max_message_size: MAX_BYTES, autoaccept: false },
});
