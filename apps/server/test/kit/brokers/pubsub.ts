import { OwnPubSub, PROJECT } from '../../../../../packages/queues/test/brokers/pubsub.ts';
import { type BrokerStage, here } from './stage.ts';

export { missing } from '../../../../../packages/queues/test/brokers/pubsub.ts';

/** @param field of a config, with the name of the queue. @param permissions of its users. */
export async function openPubSub(field: 'topic' | 'subscription', permissions: string[]) {
  const server = await OwnPubSub.start();
  const topic = (queue: string) => `projects/${PROJECT}/topics/${queue}`;
  const subscription = (queue: string) => `projects/${PROJECT}/subscriptions/${queue}`;
  const create = () => server.createUser(permissions);
  const own = await create();
  // An account that is no more.
  const stranger = await server.createUser([]);
  await server.removeUser(stranger);
  const { ca = '' } = server.config('events');
  const at = (host: string, port: number) => ({ project: PROJECT, endpoint: `${host}:${port}`, ca });
  const as = ({ credentials = '' }) => ({ credentials });
  const admin = await server.admin();
  const stage: BrokerStage = {
    type: 'pubsub',
    ...here(server),
    config: (queue, credentials = own) => ({ ...at('localhost', server.port), [field]: queue, ...as(credentials) }),
    as,
    at: (host, port) => ({ ...at(host, port), [field]: 'events', ...as(own) }),
    wrongPassword: as(stranger),
    users: { create, remove: (credentials) => server.removeUser(credentials) },
    async makeQueue(queue) {
      const name = subscription(queue);
      await admin.publisher.createTopic({ name: topic(queue) });
      await admin.subscriber.createSubscription({ name, topic: topic(queue), enableMessageOrdering: true });
    },
    // By its name, which its client looks up itself.
    host: 'localhost',
    allow: `localhost:${server.port} localhost:1`,
    async close() {
      await admin.close();
      await server.stop();
    },
  };
  return { stage, admin, topic, subscription };
}
