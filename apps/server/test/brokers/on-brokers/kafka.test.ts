import { Consumer } from '@platformatic/kafka';
import { missing, openKafka } from '../../kit/brokers/kafka.ts';
import type { DestinationStage, Found } from './stage.ts';
import { destinations } from './suite.ts';

const MAX_BYTES = 100_000;

destinations('kafka', open, missing);

async function open(): Promise<DestinationStage> {
  const { stage, server, asAdmin } = await openKafka(1, { 'max.message.bytes': String(MAX_BYTES) });
  let readers = 0;
  return {
    ...stage,
    deleteQueue: (queue) => asAdmin((admin) => admin.deleteTopics({ topics: [queue] })),
    async read(queue) {
      const consumer = new Consumer({ ...server.client('reader'), groupId: `reader-${++readers}` });
      const found: Found[] = [];
      const end = (await consumer.listOffsets({ topics: [queue] })).get(queue)?.[0] ?? 0n;
      const stream = await consumer.consume({
        topics: [queue],
        mode: 'earliest',
        autocommit: false,
        maxWaitTime: 100,
      });
      if (end > 0n) {
        for await (const message of stream) {
          const headers = [...message.headers].map(([name, value]) => [String(name), String(value)]);
          found.push({ body: String(message.value), headers: Object.fromEntries(headers) });
          if (message.offset >= end - 1n) break;
        }
      }
      await stream.close();
      await consumer.close(true);
      return found;
    },
    tooLarge: MAX_BYTES,
  };
}
