import { missing, OwnPubSub, PROJECT } from '../../../../../packages/queues/test/brokers/pubsub.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('pubsub', open, missing);
crashes('pubsub', open, missing);

async function open(): Promise<SourceStage> {
  const server = await OwnPubSub.start();
  const topic = (queue: string) => `projects/${PROJECT}/topics/${queue}`;
  const subscription = (queue: string) => `projects/${PROJECT}/subscriptions/${queue}`;
  // As docs/sources.md names them.
  const createReceiver = () => server.createUser(['pubsub.subscriptions.consume', 'pubsub.subscriptions.get']);
  const own = await createReceiver();
  const { ca = '' } = server.config('events');
  const at = (host: string, port: number) => ({ project: PROJECT, endpoint: `${host}:${port}`, ca });
  const as = ({ credentials = '' }) => ({ credentials });
  const admin = await server.admin();
  return {
    type: 'pubsub',
    config: (queue, credentials = own) => ({
      ...at('localhost', server.port),
      subscription: queue,
      ...as(credentials),
    }),
    as,
    at: (host, port) => ({ ...at(host, port), subscription: 'events', ...as(own) }),
    wrongPassword: as(await strangerTo(server)),
    makeQueue: async (queue) => {
      await admin.publisher.createTopic({ name: topic(queue) });
      await admin.subscriber.createSubscription({
        name: subscription(queue),
        topic: topic(queue),
        enableMessageOrdering: true,
      });
    },
    async publish(queue, messages) {
      await admin.publisher.publish({
        topic: topic(queue),
        messages: messages.map(({ body, headers = {}, group = '' }) => ({
          data: Buffer.from(body),
          attributes: { ...headers },
          orderingKey: group,
        })),
      });
    },
    waiting: null,
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: { create: createReceiver, remove: (credentials) => server.removeUser(credentials) },
    host: 'localhost',
    allow: `localhost:${server.port} localhost:1`,
    async close() {
      await admin.close();
      await server.stop();
    },
  };
}

/** An account that is no more. */
async function strangerTo(server: OwnPubSub) {
  const stranger = await server.createUser([]);
  await server.removeUser(stranger);
  return stranger;
}
