import { missing, OwnPubSub, PROJECT } from '../../../../../packages/queues/test/brokers/pubsub.ts';
import { freePort } from '../../../../../packages/queues/test/brokers/server-process.ts';
import type { Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations(
  'pubsub',
  async () => {
    const server = await OwnPubSub.start();
    const topic = (queue: string) => `projects/${PROJECT}/topics/${queue}`;
    const subscription = (queue: string) => `projects/${PROJECT}/subscriptions/${queue}`;
    // As docs/brokers/pubsub.md names them, for those who only publish.
    const createPublisher = () => server.createUser(['pubsub.topics.publish']);
    const own = await createPublisher();
    const quietPort = await freePort();
    const { ca = '' } = server.config('events');
    const found = new Map<string, Found[]>();
    const at = (host: string, port: number) => ({ project: PROJECT, endpoint: `${host}:${port}`, ca });
    const as = ({ credentials = '' }) => ({ credentials });
    const admin = await server.admin();
    return {
      type: 'pubsub',
      config: (queue, credentials = own) => ({ ...at('localhost', server.port), topic: queue, ...as(credentials) }),
      as,
      at: (host, port) => ({ ...at(host, port), topic: 'events', ...as(own) }),
      wrongPassword: as(await strangerTo(server)),
      makeQueue: async (queue) => {
        await admin.publisher.createTopic({ name: topic(queue) });
        await admin.subscriber.createSubscription({
          name: subscription(queue),
          topic: topic(queue),
          enableMessageOrdering: true,
        });
      },
      deleteQueue: async (queue) => void (await admin.publisher.deleteTopic({ topic: topic(queue) })),
      async read(queue) {
        const all = found.get(queue) ?? [];
        found.set(queue, all);
        for (;;) {
          const request = { subscription: subscription(queue), maxMessages: 1_000, returnImmediately: true };
          const [{ receivedMessages }] = await admin.subscriber.pull(request);
          if (!receivedMessages?.length) return all;
          const ackIds = receivedMessages.map(({ ackId }) => ackId ?? '');
          await admin.subscriber.acknowledge({ subscription: subscription(queue), ackIds });
          for (const { message } of receivedMessages) {
            all.push({ body: Buffer.from(message?.data ?? '').toString(), headers: { ...message?.attributes } });
          }
        }
      },
      missingQueue: 'none',
      tooLarge: null,
      server: { stop: () => server.halt(), start: () => server.resume() },
      users: { create: createPublisher, remove: (credentials) => server.removeUser(credentials) },
      // By its name, which its client looks up itself.
      looksUpItself: true,
      local: { host: 'localhost', quietPort },
      allow: `localhost:${server.port} localhost:1 localhost:${quietPort}`,
      async close() {
        await admin.close();
        await server.stop();
      },
    };
  },
  missing,
);

/** An account that is no more. */
async function strangerTo(server: OwnPubSub) {
  const stranger = await server.createUser([]);
  await server.removeUser(stranger);
  return stranger;
}
