import { missing, OwnRabbit } from '../../../../../packages/queues/test/brokers/amqp.ts';
import type { Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations(
  'amqp',
  async () => {
    const server = await OwnRabbit.start();
    const url = `amqp://127.0.0.1:${server.port}`;
    // As docs/brokers/amqp.md names them, for those who only publish.
    const createPublisher = async () => {
      const { user = '', password = '' } = await server.createUser('.*');
      await server.control('set_permissions', user, '^$', '^amq\\.default$', '^$');
      return { username: user, password };
    };
    const own = await createPublisher();
    const withChannel = async <R>(act: (channel: Awaited<ReturnType<typeof channelOf>>) => Promise<R>) => {
      const connection = await server.connect();
      try {
        return await act(await channelOf(connection));
      } finally {
        await connection.close();
      }
    };
    const channelOf = (connection: Awaited<ReturnType<OwnRabbit['connect']>>) => connection.createChannel();
    return {
      type: 'amqp',
      config: (queue, credentials = own) => ({ url, queue, ...credentials }),
      as: (credentials) => credentials,
      at: (host, port) => ({ url: `amqp://${host}:${port}`, queue: 'events', ...own }),
      wrongPassword: { password: 'wrong-password' },
      makeQueue: (queue) =>
        withChannel(async (channel) => {
          await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
        }),
      deleteQueue: (queue) => withChannel(async (channel) => void (await channel.deleteQueue(queue))),
      // What is not acked goes back when the connection ends.
      read: (queue) =>
        withChannel(async (channel) => {
          const found: Found[] = [];
          for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
            const headers = Object.entries(message.properties.headers ?? {}).map(([name, value]) => [
              name,
              String(value),
            ]);
            found.push({ body: message.content.toString(), headers: Object.fromEntries(headers) });
          }
          return found;
        }),
      missingQueue: 'none',
      tooLarge: null,
      server: { stop: () => server.halt(), start: () => server.resume() },
      users: { create: createPublisher, remove: ({ username }) => server.removeUser({ user: username ?? '' }) },
      local: { host: '127.0.0.1', quietPort: 0 },
      allow: '127.0.0.0/8',
      close: () => server.stop(),
    };
  },
  missing,
);
