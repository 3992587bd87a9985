import { AzureQueue } from '../../src/adapters/azure.ts';
import { OwnServiceBus, STAND_IN } from '../brokers/servicebus.ts';
import { RealServiceBus } from '../brokers/servicebus-namespace.ts';
import { conformance } from './suite.ts';

for (const requiresSession of [false, true]) {
  conformance(requiresSession ? 'azure-sessions' : 'azure', async () => {
    const real = RealServiceBus.open();
    const own = real ? null : await OwnServiceBus.start();
    const server = real ?? own;
    if (!server) throw new Error('no server');
    return {
      kind: requiresSession ? 'azure-sessions' : 'azure',
      version: real?.version ?? STAND_IN,
      open: async (queue, credentials) => {
        await server.createQueue(queue, { requiresSession, duplicatesMs: requiresSession ? 60_000 : 0 });
        const traits = { sessions: requiresSession, dedupes: requiresSession };
        return new AzureQueue({ ...server.config(queue, credentials), ...traits });
      },
      server: own,
      users: own && { create: () => own.createUser(), remove: (credentials) => own.removeUser(credentials) },
      close: () => server.stop(),
    };
  });
}
