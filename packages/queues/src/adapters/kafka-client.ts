import type { BaseOptions, ConnectionPool } from '@platformatic/kafka';
import { QueueError, type QueueErrorCode } from '../error.ts';
import { within } from '../link.ts';
import { scramWithin } from './kafka-scram.ts';

export interface KafkaClientConfig {
  /** Where a cluster is asked for its servers: host:9092, several with commas between them. */
  readonly brokers: string;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
  /** TLS: true, or with whose certificates to believe and one of one's own, PEM. Without it nothing is encrypted. */
  readonly tls?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export const CONNECT_MS = 8_000;
const CLOSE_MS = 2_000;
/** Of a password's hash. Servers ask for 4,096 unless told otherwise. */
const MAX_ITERATIONS = 100_000;
const SASL = { plain: 'PLAIN', 'scram-sha-256': 'SCRAM-SHA-256', 'scram-sha-512': 'SCRAM-SHA-512' } as const;

/** @throws QueueError `misconfigured` */
export function clientOptions({ brokers, sasl, tls }: KafkaClientConfig): BaseOptions {
  const bootstrapBrokers = String(brokers ?? '')
    .split(',')
    .map((each) => parsed(each.trim()));
  if (sasl && !(sasl.mechanism in SASL && sasl.username && sasl.password)) {
    throw new QueueError('misconfigured', `sasl: one of ${Object.keys(SASL).join(', ')}, with username and password`);
  }
  return {
    clientId: 'postrider',
    bootstrapBrokers,
    connectTimeout: CONNECT_MS,
    // What a server may take for an answer, and how long a request may be under way.
    timeout: 10_000,
    requestTimeout: 15_000,
    // Retries are within retries.
    retries: 2,
    retryDelay: 250,
    ...(tls && { tls: typeof tls === 'object' ? tls : {}, tlsServerName: true }),
    ...(sasl && {
      sasl: {
        ...sasl,
        mechanism: SASL[sasl.mechanism],
        ...(sasl.mechanism !== 'plain' && { authenticate: scramWithin(MAX_ITERATIONS) }),
      },
    }),
  };
}

function parsed(text: string): { host: string; port: number } {
  const url = /^[a-z]+:\/\//i.test(text) ? null : URL.parse(`kafka://${text}`);
  if (url?.hostname && url.username === '' && /^\/?$/.test(url.pathname)) {
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 9092) };
  }
  throw new QueueError('misconfigured', 'brokers: host:9092, several with commas between them');
}

/** Says goodbye, and goes without an answer where there is none. */
export async function shutDown(goodbye: Promise<unknown>, ...pools: readonly ConnectionPool[]): Promise<void> {
  await within(CLOSE_MS, goodbye, 'no answer from Kafka').catch(() => {});
  await Promise.allSettled(pools.map((pool) => within(CLOSE_MS, pool.close(), 'no end')));
}

/** Has a pool hear the errors of its connections: unheard, they would end the process. */
export function watch(pool: ConnectionPool): void {
  pool.on('connecting', ({ connection }) => connection.on('error', () => {}));
}

/** By the names that Kafka gives its errors. */
const CODES: readonly (readonly [RegExp, QueueErrorCode])[] = [
  [/AUTHENTICATION|_AUTHORIZATION_FAILED$|^ILLEGAL_SASL_STATE$|^UNSUPPORTED_SASL_MECHANISM$/, 'unauthorized'],
  [/^(UNKNOWN_TOPIC_OR_PARTITION|UNKNOWN_TOPIC_ID|INCONSISTENT_TOPIC_ID)$/, 'no_such_queue'],
  [/^(MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE)$/, 'too_large'],
  [/^(INVALID_TOPIC_EXCEPTION|INVALID_GROUP_ID|INVALID_SESSION_TIMEOUT|INVALID_PARTITIONS)$/, 'misconfigured'],
  [/^INVALID_REPLICATION_FACTOR$/, 'misconfigured'],
];

/** All others that may go away by themselves, and what has no name, are of the connection. */
export function kafkaError(error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const all = [...causes(error)];
  for (const each of all) {
    const code = CODES.find(([names]) => names.test(nameOf(each)))?.[1];
    if (code) return new QueueError(code, each.message, { cause: error });
  }
  const refused = all.find((each) => 'apiId' in each && 'canRetry' in each && each.canRetry === false);
  const last = refused ?? all.at(-1);
  return new QueueError(refused ? 'rejected' : 'unreachable', last?.message || 'no connection', { cause: error });
}

/** Whether Kafka gave one of these names to what went wrong. */
export function isNamed(error: unknown, names: RegExp): boolean {
  return [...causes(error)].some((each) => names.test(nameOf(each)));
}

function nameOf(error: Error): string {
  // The client asks for a topic and keeps only the text of the answer.
  if (/^Unknown topic /.test(error.message)) return 'UNKNOWN_TOPIC_OR_PARTITION';
  if ('apiId' in error) return String(error.apiId);
  return 'code' in error ? String(error.code) : '';
}

/** An error with those within it, outermost first. */
function* causes(error: unknown): Generator<Error> {
  if (!(error instanceof Error)) return;
  yield error;
  if (error instanceof AggregateError) for (const each of error.errors) yield* causes(each);
  yield* causes(error.cause);
}
