import { missing, openRedis } from '../../kit/brokers/redis.ts';
import type { DestinationStage } from './stage.ts';
import { destinations } from './suite.ts';

destinations('redis', open, missing);

async function open(): Promise<DestinationStage> {
  // As docs/brokers/redis.md names them, for those who only publish.
  const { stage, asAdmin } = await openRedis('evalsha eval time exists set xadd');
  return {
    ...stage,
    makeQueue: async () => {},
    deleteQueue: async () => {},
    async read(queue) {
      const entries = await asAdmin((client) => client.xRange(queue, '-', '+'));
      return (entries ?? []).map(({ message }) => ({
        body: message.body ?? '',
        headers: Object.fromEntries(
          Object.entries(message).flatMap(([name, value]) =>
            name.startsWith('header:') ? [[name.slice('header:'.length), value]] : [],
          ),
        ),
      }));
    },
    saidOfMissing: null,
    tooLarge: null,
  };
}
