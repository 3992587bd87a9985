import { missing, openSqs } from '../../kit/brokers/sqs.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('sqs', open, missing);
crashes('sqs', open, missing);

async function open(): Promise<SourceStage> {
  const { stage, client, urlOf } = await openSqs();
  let published = 0;
  return {
    ...stage,
    async publish(queue, messages) {
      const QueueUrl = await urlOf(queue);
      for (let n = 0; n < messages.length; n += 10) {
        const Entries = messages.slice(n, n + 10).map(({ body, headers = {}, group }, i) => {
          const attributes = Object.entries(headers).map(
            ([name, value]) => [name, { DataType: 'String', StringValue: value }] as const,
          );
          return {
            Id: String(i),
            MessageBody: String(body),
            MessageAttributes: Object.fromEntries(attributes),
            MessageGroupId: group ?? `m${published}`,
            MessageDeduplicationId: `d${published++}`,
          };
        });
        const { Failed = [] } = await client.sendMessageBatch({ QueueUrl, Entries });
        if (Failed.length > 0) throw new Error(`not all sent: ${Failed[0]?.Message}`);
      }
    },
    async waiting(queue) {
      const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const { Attributes = {} } = await client.getQueueAttributes({
        QueueUrl: await urlOf(queue),
        AttributeNames: [...names],
      });
      return names.reduce((sum, name) => sum + Number(Attributes[name]), 0);
    },
  };
}
