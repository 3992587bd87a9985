import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { missing, OwnNats } from '../../../../../packages/queues/test/brokers/nats.ts';
import type { Found } from './stage.ts';
import { destinations } from './suite.ts';

const MAX_BYTES = 100_000;

destinations(
  'nats',
  async () => {
    const server = await OwnNats.start();
    const url = `nats://127.0.0.1:${server.port}`;
    const createPublisher = async () => {
      const { user = '', password = '' } = await server.createUser();
      return { username: user, password };
    };
    const own = await createPublisher();
    const asAdmin = async <R>(act: (admin: Awaited<ReturnType<OwnNats['connect']>>) => Promise<R>) => {
      const admin = await server.connect();
      try {
        return await act(admin);
      } finally {
        await admin.close();
      }
    };
    return {
      type: 'nats',
      config: (queue, credentials = own) => ({ url, stream: queue, ...credentials }),
      as: (credentials) => credentials,
      at: (host, port) => ({ url: `nats://${host}:${port}`, stream: 'events', ...own }),
      wrongPassword: { password: 'wrong-password' },
      makeQueue: (queue) =>
        asAdmin(async (admin) => {
          const manager = await jetstreamManager(admin);
          await manager.streams.add({ name: queue, subjects: [queue], storage: 'file', max_msg_size: MAX_BYTES });
        }),
      deleteQueue: (queue) =>
        asAdmin(async (admin) => void (await (await jetstreamManager(admin)).streams.delete(queue))),
      read: (queue) =>
        asAdmin(async (admin) => {
          const { state } = await (await jetstreamManager(admin)).streams.info(queue);
          const found: Found[] = [];
          const stream = await jetstream(admin).streams.get(queue);
          for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
            const message = await stream.getMessage({ seq });
            const headers = [...(message?.header ?? [])].map(([name, values]) => [name, values[0] ?? '']);
            found.push({ body: message?.string() ?? '', headers: Object.fromEntries(headers) });
          }
          return found;
        }),
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
