import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';
import type { v1 } from '@google-cloud/pubsub';
import { QueueError, type QueueErrorCode } from '../error.ts';
import type { Ends } from '../link.ts';

export interface PubSubClientConfig {
  /** The id of the Google Cloud project. */
  readonly project: string;
  /**
   * The text of a service account's key file. It has to be given, as what the machine itself may do is not for everybody
   * who names a queue; other kinds of such files, which name programs and URLs, are refused.
   */
  readonly credentials?: string;
  /** host:port; pubsub.googleapis.com:443 unless told. Order needs publishers of one group to use one region. */
  readonly endpoint?: string;
  /** Instead of credentials: no TLS and no user, for an emulator. */
  readonly plaintext?: boolean;
  /** Whose certificates to believe, PEM; the system's authorities unless told. */
  readonly ca?: string;
}

export interface PubSubClient {
  readonly publisher: v1.PublisherClient;
  readonly subscriber: v1.SubscriberClient;
}

/** Longer than any wait for a call: it is the link that gives up, and then the connection goes too. */
const DEADLINE_MS = 60_000;
/** Less than the wait for a connection, so that what was opened is shut. */
const PROBE_MS = 8_000;
/** No second try: a caller is to hear now that the broker is away. New for each call, as the client writes into it. */
export function callOptions(timeout = DEADLINE_MS) {
  return { timeout, retry: null };
}

const SCOPES = ['https://www.googleapis.com/auth/pubsub'];

/** The client is loaded by the first connection. @param probe the subscription by which it is seen that there is one. */
export function pubsubEnds(
  config: PubSubClientConfig,
  probe: string,
  onBreak: (client: PubSubClient) => void,
): Ends<PubSubClient> {
  const { host, port } = placeOf(config);
  const account = accountOf(config);
  return {
    async open() {
      const { v1 } = await import('@google-cloud/pubsub');
      const { GoogleAuth, googleAuthLibrary, grpc } = await import('google-gax');
      const auth = new GoogleAuth({ authClient: new googleAuthLibrary.JWT({ ...account, scopes: SCOPES }) });
      const { credentials } = grpc;
      const secure = () =>
        credentials.combineChannelCredentials(
          credentials.createSsl(config.ca === undefined ? null : Buffer.from(config.ca)),
          credentials.createFromGoogleCredential({
            getRequestHeaders: async (url) => Object.fromEntries(await auth.getRequestHeaders(url)),
          }),
        );
      const options = {
        auth,
        sslCreds: config.plaintext ? credentials.createInsecure() : secure(),
        servicePath: bracketed(host),
        port,
        ...(!config.plaintext && { 'grpc.ssl_target_name_override': host }),
        'grpc.default_authority': bracketed(host),
        // Closing it closes its connection.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.service_config_disable_resolution': 1,
        'grpc.enable_http_proxy': 0,
        // As Google's own client has it; the server refuses to be asked more often.
        'grpc.keepalive_time_ms': 300_000,
        'grpc.keepalive_timeout_ms': 20_000,
        'grpc.keepalive_permit_without_calls': 1,
      };
      const client = { publisher: new v1.PublisherClient(options), subscriber: new v1.SubscriberClient(options) };
      try {
        const stubs = await Promise.all([client.publisher.initialize(), client.subscriber.initialize()]);
        await answered(client.subscriber, probe);
        for (const stub of stubs) watch(stub.getChannel?.(), () => onBreak(client));
        return client;
      } catch (error) {
        await shut(client);
        throw error;
      }
    },
    shut,
    toError: pubsubError,
  };
}

/** Any answer will do but that it does not know who asks. */
async function answered(subscriber: v1.SubscriberClient, subscription: string): Promise<void> {
  try {
    await subscriber.getSubscription({ subscription }, callOptions(PROBE_MS));
  } catch (error) {
    const { code } = pubsubError(error);
    if (code === 'unreachable' || codeOf(error) === GRPC.UNAUTHENTICATED) throw error;
  }
}

async function shut({ publisher, subscriber }: PubSubClient): Promise<void> {
  await Promise.allSettled([publisher.close(), subscriber.close()]);
}

interface Channel {
  getConnectivityState(connect: boolean): number;
  watchConnectivityState(from: number, deadline: number, done: (error?: Error) => void): void;
}

/** Of gRPC. */
const [READY, TRANSIENT_FAILURE, SHUTDOWN] = [2, 3, 4];

/** Hears of the end of a connection, or that there is none to be had. */
function watch(channel: Channel | undefined, onBreak: () => void): void {
  if (!channel) return;
  const from = channel.getConnectivityState(false);
  if (from === SHUTDOWN) return;
  channel.watchConnectivityState(from, Number.POSITIVE_INFINITY, (error) => {
    if (error) return;
    if (from === READY || channel.getConnectivityState(false) === TRANSIENT_FAILURE) onBreak();
    else watch(channel, onBreak);
  });
}

function placeOf({ endpoint = 'pubsub.googleapis.com:443', plaintext }: PubSubClientConfig) {
  const url = /^[^/@?#\s]+$/.test(endpoint) ? URL.parse(`grpc://${endpoint}`) : null;
  if (!url?.hostname || !url.port) throw new QueueError('misconfigured', 'endpoint: host:port');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // The client asks for a certificate by what it connects to, and Node asks for none of an address.
  if (isIP(host) && !plaintext) throw new QueueError('misconfigured', 'endpoint: a host name, unless it is plaintext');
  return { host, port: Number(url.port) };
}

/** Nothing else of the file is used. */
function accountOf({ credentials, plaintext }: PubSubClientConfig) {
  if (plaintext && credentials === undefined) return { email: 'nobody@localhost', key: 'none' };
  const wrong = new QueueError('misconfigured', "credentials: the text of a service account's key file (JSON)");
  if (plaintext) throw new QueueError('misconfigured', 'credentials: none with plaintext, which would show them');
  try {
    const { type, client_email, private_key, private_key_id } = JSON.parse(credentials ?? '');
    createPrivateKey(private_key);
    if (type !== 'service_account' || typeof client_email !== 'string') throw wrong;
    return { email: client_email, key: private_key, keyId: private_key_id };
  } catch {
    throw wrong;
  }
}

function bracketed(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address;
}

/** The codes of gRPC that mean something here. */
export const GRPC = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  UNAUTHENTICATED: 16,
} as const;

/** All others are of the connection, or of a service that is not well. */
const CODES: Readonly<Record<number, QueueErrorCode>> = {
  [GRPC.INVALID_ARGUMENT]: 'rejected',
  [GRPC.NOT_FOUND]: 'no_such_queue',
  [GRPC.ALREADY_EXISTS]: 'rejected',
  [GRPC.PERMISSION_DENIED]: 'unauthorized',
  [GRPC.RESOURCE_EXHAUSTED]: 'rejected',
  [GRPC.FAILED_PRECONDITION]: 'rejected',
  [GRPC.OUT_OF_RANGE]: 'rejected',
  [GRPC.UNIMPLEMENTED]: 'rejected',
  [GRPC.UNAUTHENTICATED]: 'unauthorized',
};

export function codeOf(error: unknown): number | null {
  const inner = error instanceof QueueError ? error.cause : error;
  return inner instanceof Error && 'code' in inner && typeof inner.code === 'number' ? inner.code : null;
}

function pubsubError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isTooLarge = /payload size exceeds|message larger than max/i.test(message);
  const code = isTooLarge ? 'too_large' : (CODES[codeOf(error) ?? 0] ?? 'unreachable');
  return new QueueError(code, message, { cause: error });
}
