import { Producer } from '@platformatic/kafka';
import { missing, OwnKafka } from '../../../../../packages/queues/test/brokers/kafka.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('kafka', open, missing);
crashes('kafka', open, missing);

async function open(): Promise<SourceStage> {
  const server = await OwnKafka.start();
  const createReceiver = async () => {
    const { user = '', password = '' } = await server.createUser();
    return { username: user, password };
  };
  const own = await createReceiver();
  const plain = { sasl_mechanism: 'scram-sha-256', tls: false };
  const withAdmin = async <R>(act: (admin: ReturnType<OwnKafka['admin']>) => Promise<R>) => {
    const admin = server.admin();
    try {
      return await act(admin);
    } finally {
      await admin.close();
    }
  };
  const published = new Map<string, number>();
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
      withAdmin(async (admin) => void (await admin.createTopics({ topics: [queue], partitions: 3, replicas: 1 }))),
    async publish(queue, messages) {
      const sasl = { mechanism: 'SCRAM-SHA-256' as const, username: 'admin', password: server.password };
      const bootstrapBrokers = [`127.0.0.1:${server.port}`];
      const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({ clientId: 'other', bootstrapBrokers, sasl });
      try {
        await producer.send({
          acks: -1,
          // Else what it sends again while the server starts is there twice.
          idempotent: true,
          messages: messages.map(({ body, headers = {}, group }) => ({
            topic: queue,
            value: Buffer.from(body),
            ...(group !== undefined && { key: Buffer.from(group) }),
            headers: new Map(
              Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const),
            ),
          })),
        });
        published.set(queue, (published.get(queue) ?? 0) + messages.length);
      } finally {
        await producer.close();
      }
    },
    // Its records stay: what counts is how far the group has read.
    waiting: (queue) =>
      withAdmin(async (admin) => {
        const [group] = await admin.listConsumerGroupOffsets({ groups: [`postrider-${queue}`] });
        const partitions = group?.topics.flatMap((topic) => topic.partitions) ?? [];
        const read = partitions.reduce((sum, { committedOffset }) => sum + Math.max(0, Number(committedOffset)), 0);
        return (published.get(queue) ?? 0) - read;
      }),
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: createReceiver, remove: ({ username }) => server.removeUser({ user: username ?? '' }) },
    host: '127.0.0.1',
    allow: '127.0.0.0/8',
    close: () => server.stop(),
  };
}
