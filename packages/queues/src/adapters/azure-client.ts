import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServiceBusClient, ServiceBusReceiver, ServiceBusSender } from '@azure/service-bus';
import { QueueError, type QueueErrorCode } from '../error.ts';
import { type Ends, within } from '../link.ts';

export interface AzureClientConfig {
  /**
   * Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=… , of the namespace or of the queue.
   * With UseDevelopmentEmulator=true there is no TLS.
   */
  readonly connectionString?: string;
  /** Instead of a connection string, with the next two: the host of the namespace, shop.servicebus.windows.net. */
  readonly namespace?: string;
  /** The name of a shared access policy. */
  readonly keyName?: string;
  readonly key?: string;
  /** The queue; with a subscription, or only to publish: the topic. */
  readonly queue: string;
  /** Of the topic. */
  readonly subscription?: string;
}

export interface AzureClient {
  readonly client: ServiceBusClient;
  readonly sender: ServiceBusSender;
  /** Of a queue without sessions. */
  readonly receiver: ServiceBusReceiver;
  /** Its connection has broken. */
  readonly broken: AbortSignal;
}

/** Less than the wait for a connection, so that what was opened is shut. */
const PROBE_MS = 8_000;
/** Less than the wait for a call. Also how long the service looks for a session. */
const CALL_MS = 25_000;
const CLOSE_MS = 2_000;
const PORTS = { plain: 5672, tls: 5671 };

/** Of each receiver. Locks are renewed by the adapter. */
export const RECEIVE_OPTIONS = {
  receiveMode: 'peekLock',
  maxAutoLockRenewalDurationInMs: 0,
  skipParsingBodyAsJson: true,
} as const;

/** The client is loaded by the first connection. */
export function azureEnds(config: AzureClientConfig, onBreak: (client: AzureClient) => void): Ends<AzureClient> {
  const { connectionString, host, port, isPlain } = placeOf(config);
  const { queue, subscription } = config;
  return {
    async open() {
      const { ServiceBusClient } = await import('@azure/service-bus');
      const client = new ServiceBusClient(connectionString, {
        // A caller is to hear now that the broker is away.
        retryOptions: { maxRetries: 0, timeoutInMs: CALL_MS },
        // Or an emulator is looked for at no other port than its own.
        ...(isPlain && { customEndpointAddress: `sb://${host}:${port}` }),
      });
      // The client writes into its options.
      const options = { ...RECEIVE_OPTIONS };
      const receiver =
        subscription === undefined
          ? client.createReceiver(queue, options)
          : client.createReceiver(queue, subscription, options);
      const breaking = new AbortController();
      const opened = { client, sender: client.createSender(queue), receiver, broken: breaking.signal };
      watch(client, () => {
        breaking.abort();
        onBreak(opened);
      });
      try {
        await within(PROBE_MS, answered(opened), 'no answer from Service Bus');
        return opened;
      } catch (error) {
        await shut(opened);
        throw error;
      }
    },
    shut,
    toError: azureError,
  };
}

/** What the client has and its types do not name. */
interface Inner {
  readonly _connectionContext?: { readonly connection?: { on?(event: 'disconnected', heard: () => void): void } };
}

/**
 * Hears of the end of a connection. The client would open another, but first it waits for an answer over the one that is
 * gone: calls stood still for 20 s and more.
 */
function watch(client: ServiceBusClient, onBreak: () => void): void {
  (client as unknown as Inner)._connectionContext?.connection?.on?.('disconnected', onBreak);
}

/** @throws QueueError `unreachable` as soon as the connection has broken. */
export async function unlessBroken<R>({ broken }: AzureClient, asked: Promise<R>): Promise<R> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onBreak = () => reject(new QueueError('unreachable', 'the connection broke'));
  asked.catch(() => {});
  broken.addEventListener('abort', onBreak);
  if (broken.aborted) onBreak();
  try {
    return await Promise.race([asked, promise]);
  } finally {
    broken.removeEventListener('abort', onBreak);
  }
}

/**
 * Says of which kind the settlements are that go out together. The client's transport (rhea 3.0.5) tells the service of two
 * messages in a row with the outcome of the first: what was to come again would be gone.
 */
export class Settlements {
  #kind: 'complete' | 'abandon' | null = null;

  /** Resolves when one of this kind may be asked for, in this turn of the loop. */
  async turn(kind: 'complete' | 'abandon'): Promise<void> {
    while (this.#kind !== null && this.#kind !== kind) await nextTurn();
    if (this.#kind === kind) return;
    this.#kind = kind;
    setImmediate(() => {
      this.#kind = null;
    });
  }
}

/** Any answer will do: what comes next may need other rights. */
async function answered({ sender }: AzureClient): Promise<void> {
  try {
    await sender.createMessageBatch();
  } catch (error) {
    if (azureError(error).code === 'unreachable') throw error;
  }
}

/** Opens a link of its own: it is that which asks. */
export async function maySend({ client, sender }: AzureClient): Promise<void> {
  const asking = client.createSender(sender.entityPath);
  try {
    await asking.createMessageBatch();
  } finally {
    asking.close().catch(() => {});
  }
}

/** Whether one may send there, or else receive: each with the right that it needs itself. */
export async function ask(opened: AzureClient): Promise<void> {
  try {
    await maySend(opened);
  } catch (error) {
    const refused = azureError(error);
    if (refused.code !== 'unauthorized') throw refused;
    await opened.receiver.peekMessages(1).catch(() => Promise.reject(refused));
  }
}

function shut({ client }: AzureClient): Promise<void> {
  return within(CLOSE_MS, client.close(), 'no answer').catch(() => {});
}

function placeOf(config: AzureClientConfig) {
  const { queue, subscription } = config;
  const connectionString = config.connectionString ?? built(config);
  const fields = new Map(
    connectionString.split(';').map((field) => [field.replace(/=.*/s, '').trim(), field.replace(/^[^=]*=/, '')]),
  );
  const url = URL.parse((fields.get('Endpoint') ?? '').replace(/^sb:/, 'amqp:'));
  const isSigned =
    fields.has('SharedAccessSignature') || (fields.get('SharedAccessKeyName') && fields.get('SharedAccessKey'));
  if (url?.protocol !== 'amqp:' || !url.hostname || !isSigned) {
    const form = 'Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…';
    throw new QueueError('misconfigured', `connectionString: ${form}`);
  }
  if (!queue || Buffer.byteLength(queue) > 260) throw new QueueError('misconfigured', 'queue: 1 to 260 characters');
  if (subscription !== undefined && !/^[\w.-]{1,50}$/.test(subscription)) {
    throw new QueueError('misconfigured', 'subscription: 1 to 50 letters, digits, dots, _ and -');
  }
  if (queue !== (fields.get('EntityPath') ?? queue)) {
    throw new QueueError('misconfigured', 'queue: connectionString names another one as its EntityPath');
  }
  const isPlain = fields.get('UseDevelopmentEmulator') === 'true';
  const port = Number(url.port || (isPlain ? PORTS.plain : PORTS.tls));
  return { connectionString, host: url.hostname, port, isPlain };
}

function built({ namespace = '', keyName = '', key = '' }: AzureClientConfig): string {
  if (!/^[\w.-]+$/.test(namespace)) {
    throw new QueueError('misconfigured', 'namespace: its host, or give a connectionString');
  }
  for (const [field, value] of Object.entries({ keyName, key })) {
    if (!/^[^;\s]+$/.test(value)) throw new QueueError('misconfigured', `${field}: of a shared access policy`);
  }
  return `Endpoint=sb://${namespace}/;SharedAccessKeyName=${keyName};SharedAccessKey=${key}`;
}

/** All others are of the connection, or of a service that is not well. */
const CODES: Readonly<Record<string, QueueErrorCode>> = {
  MessagingEntityNotFound: 'no_such_queue',
  MessagingEntityDisabled: 'rejected',
  UnauthorizedAccess: 'unauthorized',
  MessageSizeExceeded: 'too_large',
  QuotaExceeded: 'rejected',
  MessageLockLost: 'rejected',
  MessageNotFound: 'rejected',
  SessionLockLost: 'rejected',
};

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function azureError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const message = error instanceof Error ? error.message : String(error);
  // What the queue is not made for.
  if (/^InvalidOperationError/.test(message)) {
    return new QueueError(/session/i.test(message) ? 'misconfigured' : 'rejected', message, { cause: error });
  }
  const code = error instanceof TypeError ? 'rejected' : (CODES[codeOf(error)] ?? 'unreachable');
  return new QueueError(code, message, { cause: error });
}
