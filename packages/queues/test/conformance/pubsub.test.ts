import { PubSubQueue } from '../../src/adapters/pubsub.ts';
import { missing, OwnPubSub } from '../brokers/pubsub.ts';
import { conformance } from './suite.ts';

conformance(
  'pubsub',
  async () => {
    const server = await OwnPubSub.start();
    return {
      kind: 'pubsub',
      version: `Google's fake, pstest ${await OwnPubSub.version()}`,
      // The name of a topic begins with a letter.
      open: async (queue, credentials) => new PubSubQueue(server.config(`q-${queue}`, credentials)),
      server,
      users: { create: () => server.createUser(), remove: (credentials) => server.removeUser(credentials) },
      close: () => server.stop(),
    };
  },
  missing,
);
