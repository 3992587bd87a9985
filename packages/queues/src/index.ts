export { AmqpQueue, type AmqpQueueConfig } from './adapters/amqp.ts';
export { AzureQueue, type AzureQueueConfig } from './adapters/azure.ts';
export { KafkaQueue, type KafkaQueueConfig } from './adapters/kafka.ts';
export { MemoryBroker, MemoryQueue } from './adapters/memory.ts';
export { NatsQueue, type NatsQueueConfig } from './adapters/nats.ts';
export { PostgresQueue, type PostgresQueueConfig } from './adapters/postgres.ts';
export { PubSubQueue, type PubSubQueueConfig } from './adapters/pubsub.ts';
export { RedisQueue, type RedisQueueConfig } from './adapters/redis.ts';
export { SqsQueue, type SqsQueueConfig } from './adapters/sqs.ts';
export { QueueError, type QueueErrorCode } from './error.ts';
export { DELIVERY_COUNT_HEADER, PoisonGuard } from './poison-guard.ts';
export type {
  ConsumeOptions,
  Consumer,
  Handler,
  Health,
  IncomingMessage,
  OutgoingMessage,
  QueuePort,
  Traits,
  Use,
} from './port.ts';
