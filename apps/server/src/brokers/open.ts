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
import { type BrokerType, DESTINATIONS, SOURCES } from '../core/broker/all.ts';
import type { BrokerConfig, BrokerForm } from '../core/broker/form.ts';
import { secretsOf } from '../core/broker-config.ts';
import type { Inspect } from '../egress/contained-socket.ts';
import { SocketGuard } from '../egress/guarded-sockets.ts';
import type { EgressPolicy } from '../egress/policy.ts';
import type { Resolve } from '../egress/resolve.ts';
import { GuardedQueue } from './guarded-queue.ts';
import { kafkaCheck } from './kafka-check.ts';
import { respCheck } from './resp-check.ts';

export interface Outside {
  readonly policy: EgressPolicy;
  readonly resolve?: Resolve | undefined;
}

/** What a queue is opened for; `receiver` names whoever receives, to the broker. */
export type Purpose = { readonly use: 'publishing' } | { readonly use: 'receiving'; readonly receiver: string };

/**
 * A customer's queue, without a connection yet. It is theirs: nothing is made there but a Redis stream, which its first
 * entry makes, and what a receiver needs of its own.
 *
 * @throws EgressError `egress_blocked` where a host that it names is not to be dialled; QueueError `misconfigured`
 */
export function open(
  type: BrokerType,
  config: BrokerConfig,
  { policy, resolve }: Outside,
  purpose: Purpose = { use: 'publishing' },
): GuardedQueue {
  const destination: BrokerForm = purpose.use === 'publishing' ? DESTINATIONS[type] : SOURCES[type];
  const inspect = CHECKS[type];
  const hosts = destination.hosts(config);
  const guard = new SocketGuard({ policy, hosts, ...(resolve && { resolve }), ...(inspect && { inspect }) });
  guard.checkHosts();
  const queue = guard.run(() => OPENERS[type](config, purpose));
  return new GuardedQueue(queue, guard, secretsOf(destination, config));
}

/** Of the clients that believe what a server says of lengths. */
const CHECKS: { readonly [type in BrokerType]?: () => Inspect } = { redis: respCheck, kafka: kafkaCheck };

/** What a process that died had in hand comes again after so long, where the broker does not see that it is gone. */
const LEASE_SECONDS = 20;

/** The fields of core/broker/, in the words of the adapters. */
const OPENERS: Readonly<Record<BrokerType, (config: BrokerConfig, purpose: Purpose) => QueuePort>> = {
  sqs: (config) =>
    new SqsQueue({
      region: text(config.region),
      queue: text(config.queue),
      create: false,
      leaseSeconds: LEASE_SECONDS,
      credentials: {
        accessKeyId: text(config.access_key_id),
        secretAccessKey: text(config.secret_access_key),
        ...given('sessionToken', config.session_token),
      },
      ...given('endpoint', config.endpoint),
      ...given('ca', config.ca),
    }),
  redis: (config, purpose) =>
    new RedisQueue({
      url: withUser(config),
      queue: text(config.stream),
      // Of one name wherever it runs: what another had in hand that died is found at once.
      ...(purpose.use === 'receiving' && { create: 'receiver', consumer: purpose.receiver }),
      ...given('group', config.group),
      ...given('ca', config.ca),
    }),
  nats: (config, { use }) =>
    new NatsQueue({
      url: withUser(config),
      queue: text(config.stream),
      create: use === 'receiving' ? 'receiver' : false,
      leaseSeconds: LEASE_SECONDS,
      ...given('consumer', config.consumer),
      ...given('subject', config.subject),
      ...given('token', config.token),
      ...given('credentials', config.credentials),
      ...given('ca', config.ca),
    }),
  amqp: (config) =>
    new AmqpQueue({ url: withUser(config), queue: text(config.queue), create: false, ...given('ca', config.ca) }),
  kafka: ({ brokers, topic, group, start, sasl_mechanism, username, password, tls = true, ca, certificate, key }) =>
    new KafkaQueue({
      brokers: text(brokers),
      queue: text(topic),
      create: false,
      ...given('group', group),
      start: start === 'latest' ? 'latest' : 'earliest',
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
      ...given('subscription', config.subscription),
    }),
  pubsub: (config) =>
    new PubSubQueue({
      project: text(config.project),
      // A subscription is all that is asked for where one only receives.
      queue: text(config.topic ?? config.subscription),
      ...given('subscription', config.subscription),
      credentials: text(config.credentials),
      create: false,
      leaseSeconds: LEASE_SECONDS,
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
