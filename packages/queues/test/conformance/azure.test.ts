import { AzureQueue } from '../../src/adapters/azure.ts';
import { OwnServiceBus, STAND_IN } from '../brokers/servicebus.ts';
import { conformance } from './suite.ts';

conformance('azure', async () => {
  const server = await OwnServiceBus.start();
  return {
    kind: 'azure',
    version: STAND_IN,
    open: async (queue, credentials) => {
      await server.createQueue(queue);
      return new AzureQueue(server.config(queue, credentials));
    },
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: () => server.createUser(), remove: (credentials) => server.removeUser(credentials) },
    close: () => server.stop(),
  };
});
