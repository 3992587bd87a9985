import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as noHeaders } from '@nats-io/transport-node';
import { missing, OwnNats } from '../../../../../packages/queues/test/brokers/nats.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('nats', open, missing);
crashes('nats', open, missing);

async function open(): Promise<SourceStage> {
  const server = await OwnNats.start();
  const url = `nats://127.0.0.1:${server.port}`;
  const createReceiver = async () => {
    const { user = '', password = '' } = await server.createUser();
    return { username: user, password };
  };
  const own = await createReceiver();
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
        await manager.streams.add({ name: queue, subjects: [queue], storage: 'file', retention: 'workqueue' });
      }),
    publish: (queue, messages) =>
      asAdmin(async (admin) => {
        const js = jetstream(admin);
        await Promise.all(
          messages.map(({ body, headers = {}, group }) => {
            const native = noHeaders();
            for (const [name, value] of Object.entries(headers)) native.set(name, value);
            if (group !== undefined) native.set('postrider-group', group);
            return js.publish(queue, body, { headers: native });
          }),
        );
      }),
    waiting: (queue) =>
      asAdmin(async (admin) => (await (await jetstreamManager(admin)).streams.info(queue)).state.messages),
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: createReceiver, remove: ({ username }) => server.removeUser({ user: username ?? '' }) },
    host: '127.0.0.1',
    allow: '127.0.0.0/8',
    close: () => server.stop(),
  };
}
