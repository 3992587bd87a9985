import { ServiceBusClient } from '@azure/service-bus';
import { connectionString, OwnServiceBus } from '../../../../../packages/queues/test/brokers/servicebus.ts';
import type { Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations(
  'azure',
  async () => {
    // Our stand-in for the service, which Microsoft's own client reads from.
    const server = await OwnServiceBus.start();
    const as = (credentials: { user?: string; key?: string }) => ({
      connection_string: connectionString('127.0.0.1', server.port, credentials.user, credentials.key),
    });
    const createSender = () => server.createUser(['Send']);
    const own = await createSender();
    const at = (host: string, port: number) => ({ connection_string: connectionString(host, port), queue: 'events' });
    const found = new Map<string, Found[]>();
    return {
      type: 'azure',
      config: (queue, credentials = own) => ({ ...as(credentials), queue }),
      as,
      at,
      wrongPassword: as({ ...own, key: 'd3Jvbmc=' }),
      makeQueue: (queue) => server.createQueue(queue),
      deleteQueue: (queue) => server.removeQueue(queue),
      async read(queue) {
        const all = found.get(queue) ?? [];
        found.set(queue, all);
        const client = new ServiceBusClient(server.config(queue).connectionString ?? '', {
          customEndpointAddress: `sb://127.0.0.1:${server.port}`,
        });
        const receiver = client.createReceiver(queue, { receiveMode: 'receiveAndDelete', skipParsingBodyAsJson: true });
        for (;;) {
          const messages = await receiver.receiveMessages(100, { maxWaitTimeInMs: 500 });
          if (messages.length === 0) break;
          for (const { body, applicationProperties = {} } of messages) {
            const headers = Object.entries(applicationProperties).map(([name, value]) => [name, String(value)]);
            all.push({ body: Buffer.from(body).toString(), headers: Object.fromEntries(headers) });
          }
        }
        await client.close();
        return all;
      },
      missingQueue: 'none',
      tooLarge: null,
      server: { stop: () => server.halt(), start: () => server.resume() },
      users: { create: createSender, remove: (credentials) => server.removeUser(credentials) },
      local: { host: '127.0.0.1', quietPort: 0 },
      allow: '127.0.0.0/8',
      close: () => server.stop(),
    };
  },
  null,
);
