import { jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { OwnNats } from '../../../../../packages/queues/test/brokers/nats.ts';
import { type BrokerStage, closing, here, namedUsers } from './stage.ts';

export { missing } from '../../../../../packages/queues/test/brokers/nats.ts';

/** @param settings of the streams that are made. */
export async function openNats(settings: Partial<StreamConfig>) {
  const server = await OwnNats.start();
  const url = `nats://127.0.0.1:${server.port}`;
  const named = namedUsers(server, () => server.createUser());
  const own = await named.users.create();
  const asAdmin = <R>(act: (admin: NatsConnection) => Promise<R>) => closing(server.connect(), act);
  const stage: BrokerStage = {
    type: 'nats',
    ...here(server),
    ...named,
    config: (queue, credentials = own) => ({ url, stream: queue, ...credentials }),
    at: (host, port) => ({ url: `nats://${host}:${port}`, stream: 'events', ...own }),
    makeQueue: (queue) =>
      asAdmin(async (admin) => {
        const { streams } = await jetstreamManager(admin);
        await streams.add({ name: queue, subjects: [queue], storage: 'file', ...settings });
      }),
  };
  return { stage, asAdmin };
}
