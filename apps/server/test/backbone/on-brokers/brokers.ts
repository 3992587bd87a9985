import { missing as noRabbit, OwnRabbit } from '../../../../../packages/queues/test/brokers/amqp.ts';
import { missing as noKafka, OwnKafka } from '../../../../../packages/queues/test/brokers/kafka.ts';
import { missing as noNats, OwnNats } from '../../../../../packages/queues/test/brokers/nats.ts';
import type { OwnServer } from '../../../../../packages/queues/test/brokers/own-server.ts';
import { missing as noRedis, OwnRedis } from '../../../../../packages/queues/test/brokers/redis.ts';

/** A real broker of a test's own, as POSTRIDER_QUEUE_URL names it. */
export interface QueueBroker extends Pick<OwnServer, 'crash' | 'resume' | 'stop'> {
  readonly url: string;
}

export interface Kind {
  readonly name: string;
  /** Why there is none to test against, or null. */
  readonly missing: string | null;
  start(): Promise<QueueBroker>;
}

function kind<S extends OwnServer>(
  name: string,
  missing: string | null,
  start: () => Promise<S>,
  urlOf: (server: S) => string,
): Kind {
  return {
    name,
    missing,
    async start() {
      const server = await start();
      return {
        url: urlOf(server),
        crash: () => server.crash(),
        resume: () => server.resume(),
        stop: () => server.stop(),
      };
    },
  };
}

export const KINDS = {
  redis: kind('redis', noRedis, OwnRedis.start, (server) => server.url()),
  nats: kind('nats', noNats, OwnNats.start, (server) => server.url()),
  kafka: kind('kafka', noKafka, OwnKafka.start, (server) => {
    const { brokers, sasl } = server.config();
    return `kafka://${sasl.username}:${sasl.password}@${brokers}?mechanism=${sasl.mechanism}`;
  }),
  amqp: kind('amqp', noRabbit, OwnRabbit.start, (server) => server.url()),
};
