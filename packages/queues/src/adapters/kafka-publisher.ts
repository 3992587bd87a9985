import type { Producer } from '@platformatic/kafka';
import { clientOptions, shutDown, watch } from './kafka-client.ts';
import type { toKafka } from './kafka-message.ts';
import { opened, type TopicConfig } from './kafka-topic.ts';

type Outgoing = ReturnType<typeof toKafka>;

/** Sent and not yet confirmed, at most. Those of one partition become one batch, which has to keep to the limit. */
export const BATCH = { messages: 1_000, overhead: 128 };
const ALL_REPLICAS = -1;

export async function openPublisher(config: TopicConfig): Promise<Producer> {
  const { Producer } = await import('@platformatic/kafka');
  const producer = new Producer({ ...clientOptions(config), idempotent: true });
  watch(producer.connections);
  return opened(producer, () => shutPublisher(producer), config);
}

export function shutPublisher(producer: Producer): Promise<void> {
  return shutDown(producer.close(), producer.connections);
}

/** Resolves when all replicas that are in step have them. */
export async function publishBatch(producer: Producer, topic: string, messages: readonly Outgoing[]): Promise<void> {
  const { murmur2 } = await import('@platformatic/kafka');
  await producer.send({
    acks: ALL_REPLICAS,
    messages: messages.map(({ key, value, headers }) => ({
      topic,
      value,
      headers,
      // As Kafka's own clients find it, so that a group is in one partition whoever sends. Modulo is taken by the client.
      ...(key && { key, partition: murmur2(key) & 0x7fffffff }),
    })),
  });
}
