import { RedisQueue } from '../../src/adapters/redis.ts';
import { missing, OwnRedis } from '../brokers/redis.ts';
import { conformance } from './suite.ts';

conformance(
  'redis',
  async () => {
    const server = await OwnRedis.start();
    const version = (await server.command('INFO', 'server')).match(/redis_version:(\S+)/)?.[1];
    return {
      kind: 'redis',
      version: `Redis ${version}`,
      open: async (queue, credentials) => new RedisQueue({ url: server.url(credentials), queue }),
      server,
      users: { create: () => server.createUser('~*'), remove: (credentials) => server.removeUser(credentials) },
      close: () => server.stop(),
    };
  },
  missing,
);
