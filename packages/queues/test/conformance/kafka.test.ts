import { KafkaQueue } from '../../src/adapters/kafka.ts';
import { missing, OwnKafka } from '../brokers/kafka.ts';
import { conformance } from './suite.ts';

conformance(
  'kafka',
  async () => {
    const server = await OwnKafka.start();
    const least = await server.createUser();
    return {
      kind: 'kafka',
      version: `Apache Kafka ${server.version}`,
      open: async (queue, credentials) => new KafkaQueue({ ...server.config(credentials ?? least), queue }),
      server,
      users: { create: () => server.createUser(), remove: (credentials) => server.removeUser(credentials) },
      close: () => server.stop(),
    };
  },
  missing,
);
