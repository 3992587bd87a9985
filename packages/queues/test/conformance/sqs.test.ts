import { SqsQueue } from '../../src/adapters/sqs.ts';
import { missing, OwnElasticMq } from '../brokers/sqs.ts';
import { conformance } from './suite.ts';

for (const kind of ['FIFO', 'standard'] as const) {
  conformance(
    kind === 'FIFO' ? 'sqs' : 'sqs-standard',
    async () => {
      const server = await OwnElasticMq.start();
      return {
        kind: 'sqs',
        version: `ElasticMQ ${server.version}`,
        open: async (queue) => new SqsQueue({ ...server.config(), queue: kind === 'FIFO' ? `${queue}.fifo` : queue }),
        server,
        users: null,
        ...(kind === 'standard' && { unordered: 'a queue of SQS that is not FIFO promises no order' }),
        close: () => server.stop(),
      };
    },
    missing,
  );
}
