import { Consumer } from '@platformatic/kafka';
import { missing, OwnKafka } from '../../../../../packages/queues/test/brokers/kafka.ts';
import type { Found } from './stage.ts';
import { destinations } from './suite.ts';

const MAX_BYTES = 100_000;

destinations(
  'kafka',
  async () => {
    const server = await OwnKafka.start();
    const createPublisher = async () => {
      const { user = '', password = '' } = await server.createUser();
      return { username: user, password };
    };
    const own = await createPublisher();
    const plain = { sasl_mechanism: 'scram-sha-256', tls: false };
    const withAdmin = async <R>(act: (admin: ReturnType<OwnKafka['admin']>) => Promise<R>) => {
      const admin = server.admin();
      try {
        return await act(admin);
      } finally {
        await admin.close();
      }
    };
    let readers = 0;
    return {
      type: 'kafka',
      config: (queue, credentials = own) => ({
        brokers: `127.0.0.1:${server.port}`,
        topic: queue,
        ...plain,
        ...credentials,
      }),
      as: (credentials) => credentials,
      at: (host, port) => ({ brokers: `${host}:${port}`, topic: 'events', ...plain, ...own }),
      wrongPassword: { password: 'wrong-password' },
      makeQueue: (queue) =>
        withAdmin(async (admin) => {
          const configs = [{ name: 'max.message.bytes', value: String(MAX_BYTES) }];
          await admin.createTopics({ topics: [queue], partitions: 1, replicas: 1, configs });
        }),
      deleteQueue: (queue) => withAdmin((admin) => admin.deleteTopics({ topics: [queue] })),
      async read(queue) {
        const sasl = { mechanism: 'SCRAM-SHA-256' as const, username: 'admin', password: server.password };
        const bootstrapBrokers = [`127.0.0.1:${server.port}`];
        const consumer = new Consumer({ clientId: 'reader', groupId: `reader-${++readers}`, bootstrapBrokers, sasl });
        const found: Found[] = [];
        const end = (await consumer.listOffsets({ topics: [queue] })).get(queue)?.[0] ?? 0n;
        const stream = await consumer.consume({
          topics: [queue],
          mode: 'earliest',
          autocommit: false,
          maxWaitTime: 100,
        });
        if (end > 0n) {
          for await (const message of stream) {
            const headers = [...message.headers].map(([name, value]) => [String(name), String(value)]);
            found.push({ body: String(message.value), headers: Object.fromEntries(headers) });
            if (message.offset >= end - 1n) break;
          }
        }
        await stream.close();
        await consumer.close(true);
        return found;
      },
      missingQueue: 'none',
      tooLarge: MAX_BYTES,
      server: { stop: () => server.halt(), start: () => server.resume() },
      users: { create: createPublisher, remove: ({ username }) => server.removeUser({ user: username ?? '' }) },
      local: { host: '127.0.0.1', quietPort: 0 },
      allow: '127.0.0.0/8',
      close: () => server.stop(),
    };
  },
  missing,
);
