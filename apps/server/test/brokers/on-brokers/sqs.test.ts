import { missing, openSqs } from '../../kit/brokers/sqs.ts';
import type { DestinationStage, Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations('sqs', open, missing);

async function open(): Promise<DestinationStage> {
  const { stage, client, urlOf } = await openSqs();
  const found = new Map<string, Found[]>();
  return {
    ...stage,
    deleteQueue: async (queue) => void (await client.deleteQueue({ QueueUrl: await urlOf(queue) })),
    async read(queue) {
      const all = found.get(queue) ?? [];
      found.set(queue, all);
      const QueueUrl = await urlOf(queue);
      for (;;) {
        const request = { QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] };
        const { Messages = [] } = await client.receiveMessage(request);
        if (Messages.length === 0) return all;
        for (const { Body = '', MessageAttributes = {}, ReceiptHandle } of Messages) {
          const headers = Object.entries(MessageAttributes).map(([name, each]) => [name, each.StringValue ?? '']);
          all.push({ body: Body, headers: Object.fromEntries(headers) });
          await client.deleteMessage({ QueueUrl, ReceiptHandle });
        }
      }
    },
    tooLarge: null,
  };
}
