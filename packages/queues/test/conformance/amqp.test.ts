import { AmqpQueue } from '../../src/adapters/amqp.ts';
import { missing, OwnRabbit } from '../brokers/amqp.ts';
import { conformance } from './suite.ts';

conformance(
  'amqp',
  async () => {
    const server = await OwnRabbit.start();
    const least = await server.createUser('.*');
    return {
      kind: 'amqp',
      version: `RabbitMQ ${await server.control('version')}`,
      open: async (queue, credentials) => new AmqpQueue({ url: server.url(credentials ?? least), queue }),
      server,
      users: { create: () => server.createUser('.*'), remove: (credentials) => server.removeUser(credentials) },
      close: () => server.stop(),
    };
  },
  missing,
);
