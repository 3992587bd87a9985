import { freePort } from '../../../../../packages/queues/test/brokers/server-process.ts';
import { missing, openPubSub } from '../../kit/brokers/pubsub.ts';
import type { DestinationStage, Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations('pubsub', open, missing);

async function open(): Promise<DestinationStage> {
  // As docs/brokers/pubsub.md names them, for those who only publish.
  const { stage, admin, topic, subscription } = await openPubSub('topic', ['pubsub.topics.publish']);
  const quietPort = await freePort();
  const found = new Map<string, Found[]>();
  return {
    ...stage,
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
    tooLarge: null,
    looksUpItself: true,
    quietPort,
    allow: `${stage.allow} localhost:${quietPort}`,
  };
}
