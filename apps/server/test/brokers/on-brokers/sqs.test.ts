import { SQS } from '@aws-sdk/client-sqs';
import { missing, OwnElasticMq } from '../../../../../packages/queues/test/brokers/sqs.ts';
import type { Found } from './stage.ts';
import { destinations } from './suite.ts';

destinations(
  'sqs',
  async () => {
    const server = await OwnElasticMq.start();
    const client = new SQS(server.config());
    const own = { region: 'elasticmq', access_key_id: 'anyone', secret_access_key: 'anything-goes' };
    const nameOf = (queue: string) => `${queue}.fifo`;
    const urlOf = async (queue: string) => (await client.getQueueUrl({ QueueName: nameOf(queue) })).QueueUrl ?? '';
    const at = (host: string, port: number) => ({ ...own, endpoint: `http://${host}:${port}` });
    const found = new Map<string, Found[]>();
    return {
      type: 'sqs',
      config: (queue) => ({ ...at('127.0.0.1', server.port), queue: nameOf(queue) }),
      as: (credentials) => credentials,
      at: (host, port) => ({ ...at(host, port), queue: 'events' }),
      wrongPassword: null,
      makeQueue: async (queue) => {
        await client.createQueue({ QueueName: nameOf(queue), Attributes: { FifoQueue: 'true' } });
      },
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
      missingQueue: 'none',
      tooLarge: null,
      server: { stop: () => server.halt(), start: () => server.resume() },
      users: null,
      local: { host: '127.0.0.1', quietPort: 0 },
      allow: '127.0.0.0/8',
      async close() {
        client.destroy();
        await server.stop();
      },
    };
  },
  missing,
);
