import { ServiceBusClient } from '@azure/service-bus';
import type { Right } from '../../../../../packages/queues/test/brokers/servicebus/claims.ts';
import { connectionString, OwnServiceBus } from '../../../../../packages/queues/test/brokers/servicebus.ts';
import { type BrokerStage, type Config, type Credentials, here } from './stage.ts';

/**
 * Our stand-in for the service. @param right of its users. @param more of a config. @param settings of the queues that
 * are made.
 */
export async function openServiceBus(
  right: Right,
  more: Config = {},
  settings: Parameters<OwnServiceBus['createQueue']>[1] = {},
) {
  const server = await OwnServiceBus.start();
  const as = ({ user, key }: Credentials) => ({
    connection_string: connectionString('127.0.0.1', server.port, user, key),
  });
  const create = () => server.createUser([right]);
  const own = await create();
  const stage: BrokerStage = {
    type: 'azure',
    ...here(server),
    config: (queue, credentials = own) => ({ ...as(credentials), queue, ...more }),
    as,
    at: (host, port) => ({ connection_string: connectionString(host, port), queue: 'events', ...more }),
    wrongPassword: as({ ...own, key: 'd3Jvbmc=' }),
    users: { create, remove: (credentials) => server.removeUser(credentials) },
    makeQueue: (queue) => server.createQueue(queue, settings),
  };
  /** Microsoft's own. */
  const clientOf = (queue: string) =>
    new ServiceBusClient(server.config(queue).connectionString ?? '', {
      customEndpointAddress: `sb://127.0.0.1:${server.port}`,
    });
  return { stage, server, clientOf };
}
