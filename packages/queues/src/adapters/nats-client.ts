import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { QueueError, type QueueErrorCode } from '../error.ts';
import type { Ends } from '../link.ts';

export interface NatsClientConfig {
  /** nats://user:password@host:4222, or tls:// ; several of one cluster with commas between them. */
  readonly url: string;
  readonly token?: string;
  /** The text of a .creds file: a user's JWT and its seed. */
  readonly credentials?: string;
  /** With tls://: whose certificates to believe, PEM; the system's authorities unless told. */
  readonly ca?: string;
}

export interface NatsClient {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
}

const REQUEST_MS = 10_000;

/** The client is loaded by the first connection. */
export function natsEnds(config: NatsClientConfig, onBreak: (client: NatsClient) => void): Ends<NatsClient> {
  const urls = parsed(config.url);
  return {
    async open() {
      const { connect, credsAuthenticator } = await import('@nats-io/transport-node');
      const { jetstream, jetstreamManager } = await import('@nats-io/jetstream');
      const [first] = urls;
      const isSecure = first?.protocol === 'tls:';
      const connection = await connect({
        servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
        // Names are Node's to look up: it goes from address to address sooner.
        resolve: false,
        ...(first?.username && { user: decodeURIComponent(first.username), pass: decodeURIComponent(first.password) }),
        ...(config.token && { token: config.token }),
        ...(config.credentials && { authenticator: credsAuthenticator(new TextEncoder().encode(config.credentials)) }),
        tls: isSecure ? { ...(config.ca && { ca: config.ca }) } : null,
        name: 'postrider',
        timeout: 8_000,
        reconnect: false,
        // Those that the servers name would be connected to unasked.
        ignoreClusterUpdates: true,
        noAsyncTraces: true,
      });
      const options = { timeout: REQUEST_MS };
      const client = {
        connection,
        jetstream: jetstream(connection, options),
        manager: await jetstreamManager(connection, { ...options, checkAPI: false }),
      };
      connection.closed().then(
        () => onBreak(client),
        () => onBreak(client),
      );
      return client;
    },
    shut: ({ connection }) => connection.close(),
    toError: natsError,
  };
}

function parsed(text: string): URL[] {
  const urls = text.split(',').map((each) => URL.parse(each.trim()));
  const isFit = (url: URL | null): url is URL =>
    url !== null && /^(nats|tls):$/.test(url.protocol) && url.hostname !== '';
  if (urls.every(isFit) && new Set(urls.map(({ protocol }) => protocol)).size === 1) return urls;
  throw new QueueError('misconfigured', 'url: nats://user:password@host:4222, or tls:// for TLS');
}

/** What the server says of a queue has a code of its own. */
const STREAM_NOT_FOUND = 10_059;
const CONSUMER_NOT_FOUND = 10_014;
const ANOTHER_STREAM = 10_060;
export const WRONG_LAST_ID = 10_070;
const OVER_LIMIT_OF_STREAM = 10_054;

/**
 * By the names of the client's errors: its classes are not loaded here. All others are of the connection, or of a server
 * whose JetStream is not there yet.
 */
const CODES: Readonly<Record<string, QueueErrorCode>> = {
  AuthorizationError: 'unauthorized',
  UserAuthenticationExpiredError: 'unauthorized',
  PermissionViolationError: 'unauthorized',
  StreamNotFoundError: 'no_such_queue',
  ConsumerNotFoundError: 'no_such_queue',
  JetStreamApiError: 'rejected',
  InvalidNameError: 'misconfigured',
};

/** Whether the server gave this number to what went wrong. */
export function isApiError(error: unknown, code: number): boolean {
  const own = error instanceof QueueError ? error.cause : error;
  return own instanceof Error && 'code' in own && own.code === code;
}

function natsError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  if (!(error instanceof Error)) return new QueueError('unreachable', String(error));
  const causes = [error, error.cause].filter((each) => each instanceof Error);
  const isMissing = [STREAM_NOT_FOUND, CONSUMER_NOT_FOUND, ANOTHER_STREAM].some((code) => isApiError(error, code));
  const isTooLarge = /max_payload|maximum payload/i.test(error.message) || isApiError(error, OVER_LIMIT_OF_STREAM);
  const named = causes.map(({ name }) => CODES[name]).find((code) => code !== undefined);
  const code = isMissing ? 'no_such_queue' : isTooLarge ? 'too_large' : (named ?? 'unreachable');
  return new QueueError(code, error.message || error.name, { cause: error });
}
