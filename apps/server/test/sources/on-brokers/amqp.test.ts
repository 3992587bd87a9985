import { randomUUID } from 'node:crypto';
import { missing, OwnRabbit } from '../../../../../packages/queues/test/brokers/amqp.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('amqp', open, missing);
crashes('amqp', open, missing);

async function open(): Promise<SourceStage> {
  const server = await OwnRabbit.start();
  const url = `amqp://127.0.0.1:${server.port}`;
  // As docs/sources.md names them.
  const createReceiver = async () => {
    const { user = '', password = '' } = await server.createUser('.*');
    await server.control('set_permissions', user, '^$', '^$', '.*');
    return { username: user, password };
  };
  const own = await createReceiver();
  const withConnection = async <R>(act: (connection: Awaited<ReturnType<OwnRabbit['connect']>>) => Promise<R>) => {
    const connection = await server.connect();
    try {
      return await act(connection);
    } finally {
      await connection.close();
    }
  };
  return {
    type: 'amqp',
    config: (queue, credentials = own) => ({ url, queue, ...credentials }),
    as: (credentials) => credentials,
    at: (host, port) => ({ url: `amqp://${host}:${port}`, queue: 'events', ...own }),
    wrongPassword: { password: 'wrong-password' },
    makeQueue: (queue) =>
      withConnection(async (connection) => {
        const channel = await connection.createChannel();
        await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      }),
    publish: (queue, messages) =>
      withConnection(async (connection) => {
        const channel = await connection.createConfirmChannel();
        for (const { body, headers = {}, group } of messages) {
          channel.sendToQueue(queue, Buffer.from(body), {
            headers: { ...headers, ...(group !== undefined && { 'postrider-group': group }) },
            messageId: randomUUID(),
            persistent: true,
          });
        }
        await channel.waitForConfirms();
      }),
    // Those that were given out and not acked, too, which is told late; those that were not, at once.
    async waiting(queue) {
      const ready = await withConnection(async (connection) => {
        const channel = await connection.createChannel();
        return (await channel.checkQueue(queue)).messageCount;
      });
      const listed = await server.control('list_queues', 'name', 'messages');
      const line = listed.split('\n').find((each) => each.startsWith(`${queue}\t`));
      return Math.max(ready, Number(line?.split('\t')[1] ?? 0));
    },
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: createReceiver, remove: ({ username }) => server.removeUser({ user: username ?? '' }) },
    host: '127.0.0.1',
    allow: '127.0.0.0/8',
    close: () => server.stop(),
  };
}
