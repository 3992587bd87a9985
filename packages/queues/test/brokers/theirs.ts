import { connect } from 'amqplib';
import { AmqpQueue } from '../../src/adapters/amqp.ts';
import { KafkaQueue } from '../../src/adapters/kafka.ts';
import { NatsQueue } from '../../src/adapters/nats.ts';
import { natsEnds } from '../../src/adapters/nats-client.ts';
import { PubSubQueue } from '../../src/adapters/pubsub.ts';
import { RedisQueue } from '../../src/adapters/redis.ts';
import { redisEnds } from '../../src/adapters/redis-client.ts';
import { SqsQueue } from '../../src/adapters/sqs.ts';
import type { QueuePort } from '../../src/index.ts';

/**
 * A broker that runs already: then the suites start none. It is not stopped, and gets no users, so what needs that is
 * not run. The queues that are made there stay.
 */
export interface Theirs {
  /** What runs there, with its version where it tells. */
  version(): Promise<string>;
  open(queue: string, create?: boolean): QueuePort;
  /** Another place than that of the broker. */
  at(host: string, port: number): QueuePort;
  /** Why groups have no order there. */
  readonly unordered?: string;
}

/** By kind: the variable with its address, and how to use it. deploy/brokers.compose.yml has an example of each. */
const KINDS: Readonly<Record<string, readonly [variable: string, theirs: (url: string) => Theirs]>> = {
  redis: ['POSTRIDER_TEST_REDIS_URL', redis],
  nats: ['POSTRIDER_TEST_NATS_URL', nats],
  amqp: ['POSTRIDER_TEST_AMQP_URL', amqp],
  kafka: ['POSTRIDER_TEST_KAFKA_URL', kafka],
  pubsub: ['POSTRIDER_TEST_PUBSUB_URL', pubsub],
  sqs: ['POSTRIDER_TEST_SQS_URL', (url) => sqs(url, '.fifo')],
  'sqs-standard': [
    'POSTRIDER_TEST_SQS_URL',
    (url) => ({ ...sqs(url, ''), unordered: 'a queue of SQS that is not FIFO promises no order' }),
  ],
};

/** Null where the tests are to start a broker of their own. */
export function theirs(kind: string): Theirs | null {
  const [variable, use] = KINDS[kind] ?? [];
  const url = variable && process.env[variable];
  return url && use ? use(url) : null;
}

function redis(url: string): Theirs {
  return {
    async version() {
      const ends = redisEnds({ url }, () => {});
      const connection = await ends.open();
      // Not every user may ask.
      const info = await connection.send(['INFO', 'server']).catch(() => '');
      await ends.shut(connection);
      return `Redis ${String(info).match(/redis_version:(\S+)/)?.[1] ?? '(does not tell its version)'}`;
    },
    open: (queue, create = true) => new RedisQueue({ url, queue, create }),
    at: (host, port) => new RedisQueue({ url: `redis://${host}:${port}`, queue: 'q' }),
  };
}

function nats(url: string): Theirs {
  return {
    async version() {
      const ends = natsEnds({ url }, () => {});
      const client = await ends.open();
      const version = client.connection.info?.version;
      await ends.shut(client);
      return `NATS ${version}`;
    },
    open: (queue, create = true) => new NatsQueue({ url, queue, create }),
    at: (host, port) => new NatsQueue({ url: `nats://${host}:${port}`, queue: 'q' }),
  };
}

function amqp(url: string): Theirs {
  return {
    async version() {
      const connection = await connect(url);
      const { product, version } = connection.connection.serverProperties;
      await connection.close();
      return `${product} ${version}`;
    },
    open: (queue, create = true) => new AmqpQueue({ url, queue, create }),
    at: (host, port) => new AmqpQueue({ url: `amqp://a:b@${host}:${port}`, queue: 'q' }),
  };
}

/** kafka://host:9092 in the clear, or kafka://user:password@host:9092 with SCRAM-SHA-256. */
function kafka(text: string): Theirs {
  const { host, username, password } = new URL(text);
  const sasl = { mechanism: 'scram-sha-256' as const, username, password };
  return {
    version: async () => 'Apache Kafka (does not tell its version)',
    open: (queue, create = true) => new KafkaQueue({ brokers: host, queue, create, ...(username && { sasl }) }),
    at: (other, port) => new KafkaQueue({ brokers: `${other}:${port}`, queue: 'q' }),
  };
}

/** http://host:8085 of an emulator. */
function pubsub(text: string): Theirs {
  const config = { project: 'postrider-test', plaintext: true };
  return {
    version: async () => "Google's emulator (does not tell its version)",
    // The name of a topic begins with a letter.
    open: (queue, create = true) =>
      new PubSubQueue({ ...config, endpoint: new URL(text).host, queue: `q-${queue}`, create }),
    at: (host, port) => new PubSubQueue({ ...config, endpoint: `${host}:${port}`, queue: 'q-q' }),
  };
}

/** http://host:9324, or with an access key as user and password. */
function sqs(text: string, ending: string): Theirs {
  const { username, password, origin } = new URL(text);
  const credentials = { accessKeyId: username || 'anyone', secretAccessKey: password || 'anything' };
  const open = (endpoint: string, queue: string, create: boolean) =>
    new SqsQueue({ region: 'elasticmq', credentials, endpoint, queue: queue + ending, create });
  return {
    version: async () => 'what speaks SQS (does not tell its version)',
    open: (queue, create = true) => open(origin, queue, create),
    at: (host, port) => open(`http://${host}:${port}`, 'q', true),
  };
}
