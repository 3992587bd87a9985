import type { Channel, ChannelModel } from 'amqplib';
import { QueueError, type QueueErrorCode } from '../error.ts';
import { within } from '../link.ts';

const CLOSE_MS = 2_000;
/** Less than a Link waits: a queue that is declared, or a message to nobody. */
const SET_UP_MS = 8_000;

export interface AmqpClientConfig {
  /** amqp://user:password@host:5672/vhost, or amqps:// for TLS. */
  readonly url: string;
  /** With amqps://: whose certificates to believe, PEM; the system's authorities unless told. */
  readonly ca?: string;
}

/** @throws QueueError `misconfigured` */
export function checkUrl(text: string): void {
  const url = URL.parse(text);
  if (url && /^amqps?:$/.test(url.protocol) && url.hostname !== '') return;
  throw new QueueError('misconfigured', 'url: amqp://user:password@host:5672/vhost, or amqps:// for TLS');
}

/** The client is loaded by the first connection. @param setUp on a channel of it; where that fails, it is closed. */
export async function openAmqp<C extends Channel, R>(
  config: AmqpClientConfig,
  makeChannel: (connection: ChannelModel) => Promise<C>,
  setUp: (channel: C, connection: ChannelModel) => Promise<R>,
): Promise<R> {
  const { default: amqp } = await import('amqplib');
  // What the types lack, the socket takes.
  const socket = { noDelay: true, keepAlive: true, timeout: 8_000 };
  const connection = await amqp.connect(config.url, { ...socket, ...(config.ca && { ca: config.ca }) });
  // Told to those who wait as well; unheard here, it would end the process.
  connection.on('error', () => {});
  const made = async () => {
    const channel = await makeChannel(connection);
    channel.on('error', () => {});
    return setUp(channel, connection);
  };
  try {
    return await within(SET_UP_MS, made(), 'no answer from RabbitMQ');
  } catch (error) {
    void closeAmqp(connection);
    throw error;
  }
}

/** Says goodbye, and goes without an answer where there is none. */
export async function closeAmqp(connection: ChannelModel): Promise<void> {
  try {
    await within(CLOSE_MS, connection.close(), 'no answer from RabbitMQ');
  } catch {
    // Its types hide the socket.
    const hidden: { serverProperties: object; stream?: { destroy(): void } } = connection.connection;
    hidden.stream?.destroy();
  }
}

/** By the numbers of AMQP. All that has none is of the connection. */
const CODES: Readonly<Record<string, QueueErrorCode>> = {
  403: 'unauthorized',
  404: 'no_such_queue',
  406: 'rejected',
  530: 'rejected',
};

export function amqpError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const message = error instanceof Error ? error.message : String(error);
  // Only the text has it where the server refuses the connection itself.
  const number = message.match(/\b(\d{3}) \([A-Z-]+\)/)?.[1] ?? '';
  const isTooLarge =
    error instanceof RangeError || /message size \d+ .*(larger|exceeds)|exceeds .*encoding buffer/.test(message);
  // The client does not say why: the virtual host is not there, or not for this user.
  const isNoHost = message.startsWith('Expected ConnectionOpenOk');
  // A queue that is full, say.
  const isNacked = message === 'message nacked';
  const code = isNacked
    ? 'rejected'
    : isTooLarge
      ? 'too_large'
      : isNoHost
        ? 'unauthorized'
        : (CODES[number] ?? 'unreachable');
  return new QueueError(code, isNoHost ? 'no access to the virtual host' : message, { cause: error });
}
