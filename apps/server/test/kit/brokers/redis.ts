import { createClient } from '@redis/client';
import { OwnRedis } from '../../../../../packages/queues/test/brokers/redis.ts';
import { type BrokerStage, here, namedUsers } from './stage.ts';

export { missing } from '../../../../../packages/queues/test/brokers/redis.ts';

/** @param commands what its users may do: `ping xadd`. */
export async function openRedis(commands: string) {
  const server = await OwnRedis.start();
  const url = `redis://127.0.0.1:${server.port}/0`;
  // Known after a restart, too.
  const own = { username: 'postrider', password: server.password };
  const named = namedUsers(server, async () => {
    const made = await server.createUser('~*');
    const grants = commands.split(' ').map((command) => `+${command}`);
    await server.command('ACL', 'SETUSER', made.user ?? '', '-@all', ...grants);
    return made;
  });
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
  // Without a queue to be made: to one that publishes, each is there.
  const stage: Omit<BrokerStage, 'makeQueue'> = {
    type: 'redis',
    ...here(server),
    ...named,
    config: (queue, credentials = own) => ({ url, stream: queue, ...credentials }),
    at: (host, port) => ({ url: `redis://${host}:${port}`, stream: 'events', ...own }),
  };
  return { stage, asAdmin };
}
