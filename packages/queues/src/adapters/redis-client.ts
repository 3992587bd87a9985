import { createHash } from 'node:crypto';
import { QueueError, type QueueErrorCode } from '../error.ts';
import { type Ends, within } from '../link.ts';
import type { Script } from './redis-scripts.ts';

export interface RedisClientConfig {
  /** redis://user:password@host:6379/0, or rediss:// for TLS. */
  readonly url: string;
  /** With rediss://: whose certificates to believe, PEM; the system's authorities unless told. */
  readonly ca?: string;
}

/** What Redis answers with, binary strings as they are. */
export type Reply = Buffer | string | number | null | Reply[];

type Argument = string | Buffer;

/** For connecting and a first answer: less than a Link waits, which cannot let go of what never came to be. */
const GREET_MS = 9_000;

/** One connection: of all that the client can do, what is used here. */
export interface RedisConnection {
  send(args: readonly Argument[]): Promise<Reply>;
  destroy(): void;
}

/** The client is loaded by the first connection. It is node-redis: zero dependencies, and Redis' own. */
export function redisEnds(config: RedisClientConfig, onBreak: (connection: RedisConnection) => void) {
  const url = parsed(config.url);
  const ends: Ends<RedisConnection> = {
    async open() {
      const { createClient, RESP_TYPES } = await import('@redis/client');
      const isSecure = url.protocol === 'rediss:';
      const common = {
        host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
        port: Number(url.port || 6379),
        connectTimeout: 8_000,
        reconnectStrategy: false as const,
      };
      const client = createClient({
        socket: isSecure
          ? { ...common, tls: true, servername: common.host, ...(config.ca && { ca: config.ca }) }
          : common,
        ...(url.username && { username: decodeURIComponent(url.username) }),
        ...(url.password && { password: decodeURIComponent(url.password) }),
        database: Number(url.pathname.slice(1) || 0),
        // Plain arrays from every version of the server, and no more commands than the grants name.
        RESP: 2,
        disableClientInfo: true,
        maintNotifications: 'disabled',
        disableOfflineQueue: true,
      });
      const connection: RedisConnection = {
        send: (args) => client.sendCommand<Reply>([...args], { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }),
        destroy: () => client.destroy(),
      };
      // Whoever waits for an answer hears of it too; unheard here, it would end the process.
      client.on('error', () => onBreak(connection));
      const greet = async () => {
        await client.connect();
        // Without a user to be checked, a server that says nothing looks like one until it is asked something.
        await connection.send(['PING']).catch((error: unknown) => {
          if (redisError(error).code === 'unreachable') throw error;
        });
      };
      try {
        await within(GREET_MS, greet(), 'no answer from Redis');
        return connection;
      } catch (error) {
        // The client waits for as long as the server keeps the connection.
        client.destroy();
        throw error;
      }
    },
    shut: (connection) => connection.destroy(),
    toError: redisError,
  };
  return ends;
}

/** Runs a script by its digest, and by its text where the server has not seen it. */
export async function evaluate(
  connection: RedisConnection,
  { text, keys: count }: Script,
  keys: readonly Argument[],
  args: readonly Argument[],
): Promise<Reply> {
  const rest = [String(count < 0 ? keys.length : count), ...keys, ...args];
  try {
    return await connection.send(['EVALSHA', digest(text), ...rest]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return connection.send(['EVAL', text, ...rest]);
  }
}

const digests = new Map<string, string>();

function digest(text: string): string {
  const known = digests.get(text);
  if (known) return known;
  const made = createHash('sha1').update(text).digest('hex');
  digests.set(text, made);
  return made;
}

function parsed(text: string): URL {
  const url = URL.parse(text);
  if (url && /^rediss?:$/.test(url.protocol) && /^\/?\d*$/.test(url.pathname)) return url;
  throw new QueueError('misconfigured', 'url: redis://user:password@host:6379/0, or rediss:// for TLS');
}

/** By the word that an answer of Redis begins with. All that is not an answer is a connection that failed. */
const CODES: readonly [RegExp, QueueErrorCode][] = [
  [/^(WRONGPASS|NOAUTH|NOPERM)|ACL failure|invalid username-password|without any password configured/, 'unauthorized'],
  [/^(NOGROUP|NOSTREAM)|requires the key to exist/, 'no_such_queue'],
  [/invalid bulk length|string exceeds maximum/, 'too_large'],
  [/^(LOADING|MASTERDOWN|READONLY|CLUSTERDOWN|TRYAGAIN|BUSY |MISCONF|UNBLOCKED)|max number of clients/, 'unreachable'],
];

function redisError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const message = error instanceof Error ? error.message || error.name : String(error);
  const found = CODES.find(([pattern]) => pattern.test(message))?.[1];
  // An answer is all that begins with a word in capitals, and nothing else does.
  const code = found ?? (/^[A-Z]{3,} /.test(message) ? 'rejected' : 'unreachable');
  return new QueueError(code, message, { cause: error });
}
