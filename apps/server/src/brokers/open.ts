import {
  AmqpQueue,
  AzureQueue,
  KafkaQueue,
  NatsQueue,
  PubSubQueue,
  type QueuePort,
  RedisQueue,
  SqsQueue,
} from '@postrider/queues';
import { type BrokerConfig, type BrokerType, DESTINATIONS, type Destination } from '../core/destination.ts';
import { secretsOf } from '../core/destination-config.ts';
import { SocketGuard } from '../egress/guarded-sockets.ts';
import type { EgressPolicy } from '../egress/policy.ts';
import type { Resolve } from '../egress/resolve.ts';
import { GuardedQueue } from './guarded-queue.ts';

export interface Outside {
  readonly policy: EgressPolicy;
  readonly resolve?: Resolve | undefined;
}

/**
 * A customer's queue, without a connection yet. It is theirs: nothing is made there but a Redis stream, which its first
 * entry makes.
 *
 * @throws EgressError `egress_blocked` where a host that it names is not to be dialled; QueueError `misconfigured`
 */
export function open(type: BrokerType, config: BrokerConfig, { policy, resolve }: Outside): GuardedQueue {
  const destination: Destination = DESTINATIONS[type];
  const guard = new SocketGuard({ policy, hosts: destination.hosts(config), ...(resolve && { resolve }) });
  guard.checkHosts();
  const queue = guard.run(() => OPENERS[type](config));
  return new GuardedQueue(queue, guard, secretsOf(destination, config));
}

/** The fields of core/destination.ts, in the words of the adapters. */
const OPENERS: Readonly<Record<BrokerType, (config: BrokerConfig) => QueuePort>> = {
  sqs: (config) =>
    new SqsQueue({
      region: text(config.region),
      queue: text(config.queue),
      create: false,
      credentials: {
        accessKeyId: text(config.access_key_id),
        secretAccessKey: text(config.secret_access_key),
        ...given('sessionToken', config.session_token),
      },
      ...given('endpoint', config.endpoint),
      ...given('ca', config.ca),
    }),
  redis: (config) =>
    new RedisQueue({
      url: withUser(config),
      queue: text(config.stream),
      ...given('ca', config.ca),
    }),
  nats: (config) =>
    new NatsQueue({
      url: withUser(config),
      queue: text(config.stream),
      create: false,
      ...given('subject', config.subject),
      ...given('token', config.token),
      ...given('credentials', config.credentials),
      ...given('ca', config.ca),
    }),
  amqp: (config) =>
    new AmqpQueue({ url: withUser(config), queue: text(config.queue), create: false, ...given('ca', config.ca) }),
  kafka: ({ brokers, topic, sasl_mechanism, username, password, tls = true, ca, certificate, key }) =>
    new KafkaQueue({
      brokers: text(brokers),
      queue: text(topic),
      create: false,
      ...(sasl_mechanism !== undefined && {
        sasl: { mechanism: mechanismOf(sasl_mechanism), username: text(username), password: text(password) },
      }),
      ...(tls && { tls: { ...given('ca', ca), ...given('cert', certificate), ...given('key', key) } }),
    }),
  azure: (config) =>
    new AzureQueue({
      connectionString: text(config.connection_string),
      queue: text(config.queue),
      sessions: config.sessions === true,
    }),
  pubsub: (config) =>
    new PubSubQueue({
      project: text(config.project),
      queue: text(config.topic),
      credentials: text(config.credentials),
      create: false,
      ...given('endpoint', config.endpoint),
      ...given('ca', config.ca),
    }),
};

type Value = BrokerConfig[string] | undefined;

function text(value: Value): string {
  return String(value ?? '');
}

/** A setting that is there only where it was given. */
function given<Name extends string>(name: Name, value: Value): { [name in Name]?: string } {
  return value === undefined ? {} : ({ [name]: String(value) } as { [name in Name]: string });
}

/** The adapters take credentials in the URL: of the first, where there are several. */
function withUser({ url, username, password }: BrokerConfig): string {
  if (username === undefined && password === undefined) return text(url);
  const user = `${encodeURIComponent(text(username))}:${encodeURIComponent(text(password))}@`;
  return text(url).replace('://', () => `://${user}`);
}

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

function mechanismOf(value: Value): (typeof MECHANISMS)[number] {
  return MECHANISMS.find((each) => each === value) ?? 'plain';
}
