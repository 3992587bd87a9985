import type { ChannelModel } from 'amqplib';
import { OwnRabbit } from '../../../../../packages/queues/test/brokers/amqp.ts';
import { type BrokerStage, closing, here, namedUsers } from './stage.ts';

export { missing } from '../../../../../packages/queues/test/brokers/amqp.ts';

/** @param permissions patterns of what its users may configure, write and read. */
export async function openRabbit(...permissions: readonly [string, string, string]) {
  const server = await OwnRabbit.start();
  const url = `amqp://127.0.0.1:${server.port}`;
  const named = namedUsers(server, async () => {
    const made = await server.createUser('.*');
    await server.control('set_permissions', made.user ?? '', ...permissions);
    return made;
  });
  const own = await named.users.create();
  const asAdmin = <R>(act: (admin: ChannelModel) => Promise<R>) => closing(server.connect(), act);
  const stage: BrokerStage = {
    type: 'amqp',
    ...here(server),
    ...named,
    config: (queue, credentials = own) => ({ url, queue, ...credentials }),
    at: (host, port) => ({ url: `amqp://${host}:${port}`, queue: 'events', ...own }),
    makeQueue: (queue) =>
      asAdmin(async (connection) => {
        const channel = await connection.createChannel();
        await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      }),
  };
  return { stage, server, asAdmin };
}
