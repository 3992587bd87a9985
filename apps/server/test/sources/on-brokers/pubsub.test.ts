import { missing, openPubSub } from '../../kit/brokers/pubsub.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('pubsub', open, missing);
crashes('pubsub', open, missing);

async function open(): Promise<SourceStage> {
  // As docs/sources.md names them.
  const permissions = ['pubsub.subscriptions.consume', 'pubsub.subscriptions.get'];
  const { stage, admin, topic } = await openPubSub('subscription', permissions);
  return {
    ...stage,
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
  };
}
