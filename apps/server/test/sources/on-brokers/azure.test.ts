import { randomUUID } from 'node:crypto';
import { ServiceBusClient } from '@azure/service-bus';
import { connectionString, OwnServiceBus } from '../../../../../packages/queues/test/brokers/servicebus.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('azure', open, null);
crashes('azure', open, null);

/** Our stand-in for the service, which Microsoft's own client publishes to. */
async function open(): Promise<SourceStage> {
  const server = await OwnServiceBus.start();
  const as = (credentials: { user?: string; key?: string }) => ({
    connection_string: connectionString('127.0.0.1', server.port, credentials.user, credentials.key),
  });
  const createListener = () => server.createUser(['Listen']);
  const own = await createListener();
  const at = (host: string, port: number) => ({
    connection_string: connectionString(host, port),
    queue: 'events',
    sessions: true,
  });
  return {
    type: 'azure',
    config: (queue, credentials = own) => ({ ...as(credentials), queue, sessions: true }),
    as,
    at,
    wrongPassword: as({ ...own, key: 'd3Jvbmc=' }),
    makeQueue: (queue) => server.createQueue(queue, { requiresSession: true, lockMs: 30_000 }),
    async publish(queue, messages) {
      const client = new ServiceBusClient(server.config(queue).connectionString ?? '', {
        customEndpointAddress: `sb://127.0.0.1:${server.port}`,
      });
      const sender = client.createSender(queue);
      for (const { body, headers = {}, group } of messages) {
        await sender.sendMessages({
          body: Buffer.from(body),
          applicationProperties: { ...headers },
          sessionId: group ?? randomUUID(),
        });
      }
      await client.close();
    },
    waiting: null,
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: createListener, remove: (credentials) => server.removeUser(credentials) },
    takesNoLarger: true,
    // To one who may only listen, the service answers late.
    saidOfMissing: /^\/config: (no_such_queue|unreachable): /,
    host: '127.0.0.1',
    allow: '127.0.0.0/8',
    close: () => server.stop(),
  };
}
