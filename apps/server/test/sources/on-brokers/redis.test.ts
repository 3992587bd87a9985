import { missing, openRedis } from '../../kit/brokers/redis.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

/** As docs/sources.md names them. */
const RECEIVER =
  'ping evalsha eval time zrange zrangebyscore xgroup|create xreadgroup xautoclaim xclaim xpending xrange xack xdel';

sources('redis', open, missing);
crashes('redis', open, missing);

async function open(): Promise<SourceStage> {
  const { stage, asAdmin } = await openRedis(RECEIVER);
  return {
    ...stage,
    makeQueue: (queue) =>
      asAdmin(async (client) => void (await client.xDel(queue, await client.xAdd(queue, '*', { body: '{}' })))),
    publish: (queue, messages) =>
      asAdmin(async (client) => {
        await Promise.all(
          messages.map(({ body, headers = {}, group }) => {
            const own = Object.entries(headers).map(([name, value]) => [`header:${name}`, value]);
            return client.xAdd(queue, '*', { body, ...Object.fromEntries(own), ...(group && { group }) });
          }),
        );
      }),
    waiting: (queue) => asAdmin((client) => client.xLen(queue)),
  };
}
