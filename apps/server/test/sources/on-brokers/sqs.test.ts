import { SQS } from '@aws-sdk/client-sqs';
import { missing, OwnElasticMq } from '../../../../../packages/queues/test/brokers/sqs.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('sqs', open, missing);
crashes('sqs', open, missing);

async function open(): Promise<SourceStage> {
  const server = await OwnElasticMq.start();
  const client = new SQS(server.config());
  const own = { region: 'elasticmq', access_key_id: 'anyone', secret_access_key: 'anything-goes' };
  const nameOf = (queue: string) => `${queue}.fifo`;
  const urlOf = async (queue: string) => (await client.getQueueUrl({ QueueName: nameOf(queue) })).QueueUrl ?? '';
  const at = (host: string, port: number) => ({ ...own, endpoint: `http://${host}:${port}` });
  let published = 0;
  return {
    type: 'sqs',
    config: (queue) => ({ ...at('127.0.0.1', server.port), queue: nameOf(queue) }),
    as: (credentials) => credentials,
    at: (host, port) => ({ ...at(host, port), queue: 'events' }),
    wrongPassword: null,
    makeQueue: async (queue) => {
      await client.createQueue({ QueueName: nameOf(queue), Attributes: { FifoQueue: 'true' } });
    },
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
    server: { stop: () => server.halt(), start: () => server.resume() },
    users: null,
    host: '127.0.0.1',
    allow: '127.0.0.0/8',
    async close() {
      client.destroy();
      await server.stop();
    },
  };
}
