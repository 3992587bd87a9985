import {
  BROKER_TYPES,
  type BrokerConfig,
  type BrokerType,
  type ConfigField,
  DESTINATIONS,
  type Destination,
} from './destination.ts';

/**
 * Where events come in from outside: queues of brokers. What each has to be told is what a destination of its kind is
 * told, with what only receiving needs and without what only publishing does.
 */

export const SOURCE_STATUSES = ['active', 'paused'] as const;
export type SourceStatus = (typeof SOURCE_STATUSES)[number];

/** Why a source is paused. */
export type PausedReason = 'by_request' | 'too_many_rejections';

/** Refused messages that are kept for a source: with more, it pauses. */
export const MAX_REJECTIONS = 10_000;

interface Receiving {
  readonly description: string;
  /** Instead of the one of the same name, or besides. */
  readonly fields: readonly ConfigField[];
  /** Fields that only publishing needs. */
  readonly without?: readonly string[];
  readonly address?: Destination['address'];
}

const RECEIVING: Readonly<Partial<Record<BrokerType, Receiving>>> = {
  sqs: {
    description: 'Messages of a queue, FIFO or not',
    fields: [
      {
        name: 'access_key_id',
        kind: 'text',
        label: 'Access key ID',
        description: 'Of a user or role that may receive from the queue',
        placeholder: 'AKIAIOSFODNN7EXAMPLE',
        maxLength: 128,
        isRequired: true,
      },
    ],
  },
  redis: {
    description: 'Entries of a stream, through a consumer group. What was taken in is deleted from the stream',
    fields: [
      {
        name: 'stream',
        kind: 'text',
        label: 'Stream',
        description: 'The key of the stream; it has to be there',
        placeholder: 'events',
        maxLength: 512,
        isRequired: true,
      },
      {
        name: 'group',
        kind: 'text',
        label: 'Consumer group',
        description: 'Made where it is not there, from the beginning of the stream; `postrider` unless given',
        placeholder: 'postrider',
        maxLength: 255,
      },
    ],
  },
  nats: {
    description: 'Messages of a stream, through a durable pull consumer. NATS server 2.9 or later',
    fields: [
      {
        name: 'consumer',
        kind: 'text',
        label: 'Durable consumer',
        description: 'Made for all of the stream where it is not there; `postrider` unless given',
        placeholder: 'postrider',
        pattern: '^[^\\s.*>/\\\\]+$',
        maxLength: 255,
      },
    ],
    without: ['subject'],
  },
  amqp: { description: 'Messages of a queue. RabbitMQ 3.10 or later, AMQP 0-9-1', fields: [] },
  kafka: {
    description: 'Records of a topic, through a consumer group. Kafka 3.5 or later',
    fields: [
      {
        name: 'group',
        kind: 'text',
        label: 'Consumer group',
        description: 'Of this source alone; `postrider-` and the topic unless given',
        placeholder: 'postrider-events',
        maxLength: 249,
      },
      {
        name: 'start',
        kind: 'choice',
        label: 'Start',
        description: 'Where a group begins that has read nothing yet',
        choices: ['earliest', 'latest'],
        default: 'earliest',
      },
    ],
  },
  azure: {
    description: 'Messages of a queue, or of a subscription of a topic, with or without sessions',
    fields: [
      {
        name: 'connection_string',
        kind: 'secret',
        label: 'Connection string',
        description: 'Of a shared access policy that may listen, of the namespace or of the queue',
        isRequired: true,
      },
      {
        name: 'subscription',
        kind: 'text',
        label: 'Subscription',
        description: 'Where `queue` is a topic: the subscription of this source alone; it has to be there',
        placeholder: 'postrider',
        maxLength: 50,
      },
    ],
  },
  pubsub: {
    description: 'Messages of a subscription, pulled',
    fields: [
      {
        name: 'subscription',
        kind: 'text',
        label: 'Subscription',
        description: 'The id of the subscription, of this source alone; it has to be there',
        placeholder: 'events-postrider',
        pattern: '^[A-Za-z][\\w.~+%-]{2,254}$',
        isRequired: true,
      },
    ],
    without: ['topic'],
    address: ({ project, subscription }) => `pubsub://${project}/${subscription}`,
  },
};

export const SOURCES: Readonly<Record<BrokerType, Destination>> = Object.fromEntries(
  BROKER_TYPES.map((type) => [type, receivedFrom(DESTINATIONS[type], RECEIVING[type])]),
) as Record<BrokerType, Destination>;

function receivedFrom(destination: Destination, receiving: Receiving | undefined): Destination {
  if (!receiving) return destination;
  const { fields, without = [], ...rest } = receiving;
  const own = new Map(fields.map((field) => [field.name, field]));
  const names = new Set(destination.fields.map(({ name }) => name));
  return {
    ...destination,
    ...rest,
    fields: [
      ...destination.fields.filter(({ name }) => !without.includes(name)).map((field) => own.get(field.name) ?? field),
      ...fields.filter(({ name }) => !names.has(name)),
    ],
  };
}

/** A source as it is consumed. */
export interface SourceConfig {
  readonly type: BrokerType;
  readonly config: BrokerConfig;
}
