import { createClient } from '@redis/client';
import { missing, OwnRedis } from '../../../../../packages/queues/test/brokers/redis.ts';
import { destinations } from './suite.ts';

destinations(
  'redis',
  async () => {
    const server = await OwnRedis.start();
    const url = `redis://127.0.0.1:${server.port}/0`;
    // As docs/brokers/redis.md names them, for those who only publish.
    const createPublisher = async () => {
      const { user = '', password = '' } = await server.createUser('~*');
      await server.command('ACL', 'SETUSER', user, 'resetkeys', '~*', '-@all', ...PUBLISHER);
      return { username: user, password };
    };
    // Known after a restart, too.
    const own = { username: 'postrider', password: server.password };
    return {
      type: 'redis',
      config: (queue, credentials = own) => ({ url, stream: queue, ...credentials }),
      as: (credentials) => credentials,
      at: (host, port) => ({ url: `redis://${host}:${port}`, stream: 'events', ...own }),
      wrongPassword: { password: 'wrong-password' },
      makeQueue: async () => {},
      deleteQueue: async () => {},
      async read(queue) {
        const client = createClient({ url: server.url({ user: 'default' }) });
        await client.connect();
        const entries = await client.xRange(queue, '-', '+');
        client.destroy();
        return (entries ?? []).map(({ message }) => ({
          body: message.body ?? '',
          headers: Object.fromEntries(
            Object.entries(message).flatMap(([name, value]) =>
              name.startsWith('header:') ? [[name.slice('header:'.length), value]] : [],
            ),
          ),
        }));
      },
      missingQueue: null,
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

const PUBLISHER = ['+evalsha', '+eval', '+time', '+exists', '+set', '+xadd'];
