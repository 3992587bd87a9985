import type { Admin } from '@platformatic/kafka';
import { OwnKafka } from '../../../../../packages/queues/test/brokers/kafka.ts';
import { type BrokerStage, closing, here, namedUsers } from './stage.ts';

export { missing } from '../../../../../packages/queues/test/brokers/kafka.ts';

/** @param settings of the topics that are made. */
export async function openKafka(partitions: number, settings: Readonly<Record<string, string>> = {}) {
  const server = await OwnKafka.start();
  const plain = { sasl_mechanism: 'scram-sha-256', tls: false };
  const named = namedUsers(server, () => server.createUser());
  const own = await named.users.create();
  const asAdmin = <R>(act: (admin: Admin) => Promise<R>) => closing(server.admin(), act);
  const stage: BrokerStage = {
    type: 'kafka',
    ...here(server),
    ...named,
    config: (queue, credentials = own) => ({
      brokers: `127.0.0.1:${server.port}`,
      topic: queue,
      ...plain,
      ...credentials,
    }),
    at: (host, port) => ({ brokers: `${host}:${port}`, topic: 'events', ...plain, ...own }),
    makeQueue: (queue) =>
      asAdmin(async (admin) => {
        const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
        await admin.createTopics({ topics: [queue], partitions, replicas: 1, configs });
      }),
  };
  return { stage, server, asAdmin };
}
