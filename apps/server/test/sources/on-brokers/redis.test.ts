import { createClient } from '@redis/client';
import { missing, OwnRedis } from '../../../../../packages/queues/test/brokers/redis.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('redis', open, missing);
crashes('redis', open, missing);

async function open(): Promise<SourceStage> {
  const server = await OwnRedis.start();
  const url = `redis://127.0.0.1:${server.port}/0`;
  const createReceiver = async () => {
    const { user = '', password = '' } = await server.createUser('~*');
    await server.command('ACL', 'SETUSER', user, '-@all', ...RECEIVER);
    return { username: user, password };
  };
  // Known after a restart, too.
  const own = { username: 'postrider', password: server.password };
  const asAdmin = async <R>(act: (client: ReturnType<typeof createClient>) => Promise<R>) => {
    const client = createClient({ url: server.url({ user: 'default' }) });
    client.on('error', () => {});
    await client.connect();
    try {
      return await act(client as ReturnType<typeof createClient>);
    } finally {
      client.destroy();
    }
  };
  return {
    type: 'redis',
    config: (queue, credentials = own) => ({ url, stream: queue, ...credentials }),
    as: (credentials) => credentials,
    at: (host, port) => ({ url: `redis://${host}:${port}`, stream: 'events', ...own }),
    wrongPassword: { password: 'wrong-password' },
    makeQueue: (queue) =>
      asAdmin(async (client) => void (await client.xDel(queue, await client.xAdd(queue, '*', { body: '{}' })))),
    publish: (queue, messages) =>
      asAdmin(async (client) => {
        await Promise.all(
          messages.map(({ body, headers = {}, group }) => {
            const own = Object.entries(headers).map(([name, value]) => [`header:${name}`, value]);
            return client.xAdd(queue, '*', { body, ...Object.fromEntries(own), ...(group && { group }) });
          }),
        );
      }),
    waiting: (queue) => asAdmin((client) => client.xLen(queue)),
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: createReceiver, remove: ({ username }) => server.removeUser({ user: username ?? '' }) },
    host: '127.0.0.1',
    allow: '127.0.0.0/8',
    close: () => server.stop(),
  };
}

/** As docs/sources.md names them. */
const RECEIVER =
  `+ping +evalsha +eval +time +zrange +zrangebyscore +xgroup|create +xreadgroup +xautoclaim +xclaim +xpending
  +xrange +xack +xdel`.split(/\s+/);
