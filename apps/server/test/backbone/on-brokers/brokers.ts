import { missing as noRabbit, OwnRabbit } from '../../../../../packages/queues/test/brokers/amqp.ts';
import { missing as noKafka, OwnKafka } from '../../../../../packages/queues/test/brokers/kafka.ts';
import { missing as noNats, OwnNats } from '../../../../../packages/queues/test/brokers/nats.ts';
import { missing as noRedis, OwnRedis } from '../../../../../packages/queues/test/brokers/redis.ts';

/** A real broker of a test's own, as POSTRIDER_QUEUE_URL names it. */
export interface QueueBroker {
  readonly url: string;
  /** Ends it as in a crash, where that can be done. */
  crash(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export interface Kind {
  readonly name: string;
  /** Why there is none to test against, or null. */
  readonly missing: string | null;
  start(): Promise<QueueBroker>;
}

const redis: Kind = {
  name: 'redis',
  missing: noRedis,
  async start() {
    const server = await OwnRedis.start();
    return {
      url: server.url(),
      crash: () => server.halt('SIGKILL'),
      resume: () => server.resume(),
      stop: () => server.stop(),
    };
  },
};

const nats: Kind = {
  name: 'nats',
  missing: noNats,
  async start() {
    const server = await OwnNats.start();
    return {
      url: server.url(),
      crash: () => server.halt('SIGKILL'),
      resume: () => server.resume(),
      stop: () => server.stop(),
    };
  },
};

const kafka: Kind = {
  name: 'kafka',
  missing: noKafka,
  async start() {
    const server = await OwnKafka.start();
    const { brokers, sasl } = server.config();
    return {
      url: `kafka://${sasl.username}:${sasl.password}@${brokers}?mechanism=${sasl.mechanism}`,
      crash: () => server.halt('SIGKILL'),
      resume: () => server.resume(),
      stop: () => server.stop(),
    };
  },
};

const amqp: Kind = {
  name: 'amqp',
  missing: noRabbit,
  async start() {
    const server = await OwnRabbit.start();
    return {
      url: server.url(),
      // The server is a child of the script that is ours to end.
      crash: () => server.halt(),
      resume: () => server.resume(),
      stop: () => server.stop(),
    };
  },
};

export const KINDS = { redis, nats, kafka, amqp };
