import { randomUUID } from 'node:crypto';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import type { Ends } from '../link.ts';
import { type AmqpClientConfig, amqpError, closeAmqp, openAmqp } from './amqp-client.ts';
import { toAmqp } from './amqp-message.ts';

export type Outgoing = ReturnType<typeof toAmqp>;

export interface Publisher {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Ids of what came back: there is no such queue. */
  readonly returned: Set<string>;
  /** Why the broker closed the channel; those who wait for confirmations hear only that it did. */
  refusal: unknown;
}

/** A queue for delays goes away when it was not used for so long after its delay. */
const UNUSED_MS = 3_600_000;
/** The server keeps nothing for longer. */
export const MAX_DELAY_MS = 30 * 24 * 3_600_000;

/** A connection for publishing: when the broker is short of memory, it stops reading from those that publish. */
export function publisherEnds(
  config: AmqpClientConfig,
  declare: (channel: ConfirmChannel) => Promise<unknown>,
  onBreak: (publisher: Publisher) => void,
): Ends<Publisher> {
  return {
    open: () =>
      openAmqp(
        config,
        (connection) => connection.createConfirmChannel(),
        async (channel, connection) => {
          await declare(channel);
          const publisher: Publisher = { connection, channel, returned: new Set(), refusal: null };
          channel.on('error', (error) => {
            publisher.refusal = error;
          });
          channel.on('return', ({ properties }) => publisher.returned.add(String(properties.messageId)));
          channel.on('close', () => onBreak(publisher));
          connection.on('close', () => onBreak(publisher));
          return publisher;
        },
      ),
    shut: ({ connection }) => closeAmqp(connection),
    toError: amqpError,
  };
}

/**
 * Sends them all and waits for what the broker says of each.
 *
 * @returns those for which there was no queue, and those that the broker could not take just now: a quorum queue does not
 * while it has no leader, as for a moment after it was made.
 */
export async function publishAll(publisher: Publisher, queue: string, messages: readonly Outgoing[]) {
  const { channel, returned } = publisher;
  const delays = new Set(messages.map(({ delayMs }) => roundedUp(delayMs)).filter((delay) => delay > 0));
  for (const delay of delays) await declareDelay(channel, queue, delay);
  const confirmed = messages.map(
    ({ content, options, delayMs }) =>
      new Promise<void>((resolve, reject) => {
        const to = delayMs > 0 ? delayQueue(queue, roundedUp(delayMs)) : queue;
        channel.sendToQueue(to, content, options, (error: unknown) => (error ? reject(error) : resolve()));
      }),
  );
  const ends = await Promise.allSettled(confirmed);
  // One that comes back does so before it is confirmed.
  const missed = messages.filter(({ id }) => returned.delete(id));
  const nacked = messages.filter((_, at) => isNack(ends[at]));
  const refused = ends.find((end) => end.status === 'rejected' && !isNack(end));
  if (publisher.refusal || refused) throw publisher.refusal ?? (refused as PromiseRejectedResult).reason;
  return { missed, nacked };
}

/** By the words of the client, which has no other sign of it. */
function isNack(end: PromiseSettledResult<void> | undefined): boolean {
  return end?.status === 'rejected' && end.reason instanceof Error && end.reason.message === 'message nacked';
}

/** Whether they may be published once more: none of a group may come after what followed it. */
export function mayComeLater(nacked: readonly Outgoing[], all: readonly Outgoing[]): boolean {
  const waiting = new Set<string>();
  return all.every((message) => {
    const { group } = message;
    if (group === null) return true;
    if (nacked.includes(message)) waiting.add(group);
    else if (waiting.has(group)) return false;
    return true;
  });
}

/** A message to a queue that nobody has comes back, where its sender may send at all. @throws what the broker says */
export async function mayPublish(publisher: Publisher): Promise<void> {
  await publishAll(publisher, `postrider.${randomUUID()}`, [toAmqp({ body: '' }, 1_000)]);
}

/**
 * A queue that nobody reads, from which messages go to the real one when they are too old. All in one queue are delayed
 * equally, or one would keep those behind it: so there is one for each delay, to two digits.
 */
function declareDelay(channel: ConfirmChannel, queue: string, delay: number) {
  return channel.assertQueue(delayQueue(queue, delay), {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-message-ttl': delay,
      'x-expires': delay + UNUSED_MS,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': queue,
      // It keeps a message until the real queue has it; the server does that only for one that refuses what is too much.
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
  });
}

function delayQueue(queue: string, delay: number): string {
  return `${queue}.delay.${delay}`;
}

/** To two digits: 1,234 ms are 1,300. */
export function roundedUp(delayMs: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, delayMs))) - 1);
  return Math.ceil(delayMs / step) * step;
}
