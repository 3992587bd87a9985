import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { ServiceBusClient, ServiceBusReceiver, ServiceBusSender } from '@azure/service-bus';
import { QueueError, type QueueErrorCode } from '../error.ts';
import { type Ends, within } from '../link.ts';

export interface AzureClientConfig {
  /**
   * Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=… , of the namespace or of the queue.
   * With UseDevelopmentEmulator=true there is no TLS.
   */
  readonly connectionString: string;
  readonly queue: string;
  /**
   * Resolves host names, as Node's dns.lookup does, before the client connects. With an emulator it gets the address;
   * else it needs the name for the certificate and resolves it once more.
   */
  readonly lookup?: LookupFunction;
}

export interface AzureClient {
  readonly client: ServiceBusClient;
  readonly sender: ServiceBusSender;
  readonly receiver: ServiceBusReceiver;
}

/** Less than the wait for a connection, so that what was opened is shut. */
const PROBE_MS = 8_000;
/** Less than the wait for a call. */
const CALL_MS = 25_000;
const CLOSE_MS = 2_000;
const PORTS = { plain: 5672, tls: 5671 };

/** The client is loaded by the first connection. */
export function azureEnds(config: AzureClientConfig): Ends<AzureClient> {
  const place = placeOf(config);
  return {
    async open() {
      const { ServiceBusClient } = await import('@azure/service-bus');
      const address = await addressOf(place.host, config.lookup);
      const isPinned = place.isPlain && isIP(address) === 4;
      const client = new ServiceBusClient(config.connectionString, {
        // A caller is to hear now that the broker is away.
        retryOptions: { maxRetries: 0, timeoutInMs: CALL_MS },
        ...(isPinned && { customEndpointAddress: `sb://${address}:${place.port}` }),
      });
      const opened = {
        client,
        sender: client.createSender(config.queue),
        receiver: client.createReceiver(config.queue, {
          receiveMode: 'peekLock',
          maxAutoLockRenewalDurationInMs: 0,
          skipParsingBodyAsJson: true,
        }),
      };
      try {
        await within(PROBE_MS, opened.receiver.peekMessages(1), 'no answer from Service Bus');
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

function shut({ client }: AzureClient): Promise<void> {
  return within(CLOSE_MS, client.close(), 'no answer').catch(() => {});
}

function placeOf({ connectionString, queue }: AzureClientConfig) {
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
  if (queue !== (fields.get('EntityPath') ?? queue)) {
    throw new QueueError('misconfigured', 'queue: connectionString names another one as its EntityPath');
  }
  const isPlain = fields.get('UseDevelopmentEmulator') === 'true';
  return { host: url.hostname, port: Number(url.port || (isPlain ? PORTS.plain : PORTS.tls)), isPlain };
}

function addressOf(host: string, lookup: LookupFunction = systemLookup): Promise<string> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: false }, (error, address) => {
      const first = Array.isArray(address) ? address[0]?.address : address;
      if (error || !first) reject(error ?? new QueueError('unreachable', `${host} has no address`));
      else resolve(first);
    });
  });
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
};

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function azureError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof TypeError ? 'rejected' : (CODES[codeOf(error)] ?? 'unreachable');
  return new QueueError(code, message, { cause: error });
}
