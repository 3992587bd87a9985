import { Producer } from '@platformatic/kafka';
import { missing, openKafka } from '../../kit/brokers/kafka.ts';
import { crashes } from './crash-suite.ts';
import type { SourceStage } from './stage.ts';
import { sources } from './suite.ts';

sources('kafka', open, missing);
crashes('kafka', open, missing);

async function open(): Promise<SourceStage> {
  const { stage, server, asAdmin } = await openKafka(3);
  const published = new Map<string, number>();
  return {
    ...stage,
    async publish(queue, messages) {
      const producer = new Producer<Buffer, Buffer, Buffer, Buffer>(server.client('other'));
      try {
        await producer.send({
          acks: -1,
          // Else what it sends again while the server starts is there twice.
          idempotent: true,
          messages: messages.map(({ body, headers = {}, group }) => ({
            topic: queue,
            value: Buffer.from(body),
            ...(group !== undefined && { key: Buffer.from(group) }),
            headers: new Map(
              Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const),
            ),
          })),
        });
        published.set(queue, (published.get(queue) ?? 0) + messages.length);
      } finally {
        await producer.close();
      }
    },
    // Its records stay: what counts is how far the group has read.
    waiting: (queue) =>
      asAdmin(async (admin) => {
        const [group] = await admin.listConsumerGroupOffsets({ groups: [`postrider-${queue}`] });
        const partitions = group?.topics.flatMap((topic) => topic.partitions) ?? [];
        const read = partitions.reduce((sum, { committedOffset }) => sum + Math.max(0, Number(committedOffset)), 0);
        return (published.get(queue) ?? 0) - read;
      }),
  };
}
