import { SQS } from '@aws-sdk/client-sqs';
import { OwnElasticMq } from '../../../../../packages/queues/test/brokers/sqs.ts';
import { type BrokerStage, here } from './stage.ts';

export { missing } from '../../../../../packages/queues/test/brokers/sqs.ts';

export async function openSqs() {
  const server = await OwnElasticMq.start();
  const client = new SQS(server.config());
  const own = { region: 'elasticmq', access_key_id: 'anyone', secret_access_key: 'anything-goes' };
  const nameOf = (queue: string) => `${queue}.fifo`;
  const urlOf = async (queue: string) => (await client.getQueueUrl({ QueueName: nameOf(queue) })).QueueUrl ?? '';
  const at = (host: string, port: number) => ({ ...own, endpoint: `http://${host}:${port}` });
  const stage: BrokerStage = {
    type: 'sqs',
    ...here(server),
    config: (queue) => ({ ...at('127.0.0.1', server.port), queue: nameOf(queue) }),
    as: (credentials) => credentials,
    at: (host, port) => ({ ...at(host, port), queue: 'events' }),
    wrongPassword: null,
    users: null,
    async makeQueue(queue) {
      await client.createQueue({ QueueName: nameOf(queue), Attributes: { FifoQueue: 'true' } });
    },
    async close() {
      client.destroy();
      await server.stop();
    },
  };
  return { stage, client, urlOf };
}
