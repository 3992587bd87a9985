import { setTimeout as pause } from 'node:timers/promises';
import type { Consumer, Producer } from '@platformatic/kafka';
import { QueueError } from '../error.ts';
import { within } from '../link.ts';
import { CONNECT_MS, clientOptions, isNamed, type KafkaClientConfig, shutDown, watch } from './kafka-client.ts';

export interface TopicConfig extends KafkaClientConfig {
  readonly topic: string;
  readonly create: boolean;
  readonly partitions: number;
  /** Null: as many as the servers are told. */
  readonly replicas: number | null;
}

/** A client, once a server has answered and the topic is there. @throws what stood against it; then it is shut. */
export async function opened<C extends Producer | Consumer>(
  client: C,
  shut: () => Promise<void>,
  config: TopicConfig,
): Promise<C> {
  try {
    await within(CONNECT_MS + 1_000, client.metadata({ topics: [], retries: 0 }), 'no answer from Kafka');
    if (!(await isThere(client, config.topic))) {
      if (!config.create) throw new QueueError('no_such_queue', `there is no topic ${config.topic}`);
      await createTopic(config);
      // Servers hear of it one after the other.
      while (!(await isThere(client, config.topic))) await pause(50);
    }
    return client;
  } catch (error) {
    await shut();
    throw error;
  }
}

/** With a leader for each of its partitions. */
async function isThere(client: Producer | Consumer, topic: string): Promise<boolean> {
  try {
    await client.metadata({ topics: [topic], forceUpdate: true, retries: 0 });
    return true;
  } catch (error) {
    if (isNamed(error, /^(UNKNOWN_TOPIC_OR_PARTITION|LEADER_NOT_AVAILABLE)$/)) return false;
    throw error;
  }
}

async function createTopic(config: TopicConfig): Promise<void> {
  const { Admin } = await import('@platformatic/kafka');
  const admin = new Admin(clientOptions(config));
  watch(admin.connections);
  try {
    const { topic, partitions, replicas } = config;
    await admin.createTopics({ topics: [topic], partitions, ...(replicas !== null && { replicas }) });
  } catch (error) {
    if (!isNamed(error, /^TOPIC_ALREADY_EXISTS$/)) throw error;
  } finally {
    await shutDown(admin.close(), admin.connections);
  }
}
