import { NatsQueue } from '../../src/adapters/nats.ts';
import { missing, OwnNats } from '../brokers/nats.ts';
import { conformance } from './suite.ts';

conformance(
  'nats',
  async () => {
    const server = await OwnNats.start();
    return {
      kind: 'nats',
      version: `NATS ${await server.version()}`,
      open: async (queue, credentials) => new NatsQueue({ url: server.url(credentials), queue }),
      server,
      users: { create: () => server.createUser(), remove: (credentials) => server.removeUser(credentials) },
      close: () => server.stop(),
    };
  },
  missing,
);
