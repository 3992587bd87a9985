import { SqsQueue } from '../../src/adapters/sqs.ts';
import { missing, OwnElasticMq, version } from '../brokers/sqs.ts';
import { conformance } from './suite.ts';

for (const kind of ['FIFO', 'standard'] as const) {
  conformance(
    kind === 'FIFO' ? 'sqs' : 'sqs, not FIFO',
    async () => {
      const server = await OwnElasticMq.start();
      return {
        kind: 'sqs',
        version: `ElasticMQ ${version}`,
        open: async (queue) => new SqsQueue({ ...server.config(), queue: kind === 'FIFO' ? `${queue}.fifo` : queue }),
        server: { stop: () => server.halt(), start: () => server.resume() },
        users: null,
        ...(kind === 'standard' && { unordered: 'a queue of SQS that is not FIFO promises no order' }),
        close: () => server.stop(),
      };
    },
    missing,
  );
}
