import { readFileSync } from 'node:fs';
import { QueueError } from './error.ts';
import type { QueuePort } from './port.ts';

/**
 * A queue named by one URL, for whoever has one setting and not a form. The name of the queue is the parameter `queue`,
 * `postrider` unless told; every kind has parameters of its own besides. A broker's client is loaded only for its URL.
 */
export interface QueueUrl {
  /** What people are shown: without password and parameters. */
  readonly shown: string;
  /** @throws QueueError `misconfigured` */
  open(): Promise<QueuePort>;
}

interface Parts {
  readonly scheme: string;
  readonly user: string;
  readonly password: string;
  /** As written: several, with commas between them, where the kind takes that. */
  readonly hosts: string;
  readonly path: string;
  readonly parameters: Parameters;
}

interface Kind {
  readonly example: string;
  readonly parameters: readonly string[];
  open(parts: Parts, queue: string): Promise<QueuePort>;
}

const redis: Kind = {
  example: 'redis://user:password@host:6379/0?queue=postrider (rediss:// for TLS)',
  parameters: ['group', 'ca'],
  async open(parts, queue) {
    const { RedisQueue } = await import('./adapters/redis.ts');
    const { parameters } = parts;
    return new RedisQueue({ url: urlOf(parts), queue, ...parameters.text('group'), ...parameters.file('ca') });
  },
};

const nats: Kind = {
  example: 'nats://user:password@host:4222?queue=postrider (tls:// for TLS; several hosts with commas between them)',
  parameters: ['token', 'credentials', 'ca', 'replicas'],
  async open(parts, queue) {
    const { NatsQueue } = await import('./adapters/nats.ts');
    const { parameters } = parts;
    const files = { ...parameters.file('credentials'), ...parameters.file('ca') };
    return new NatsQueue({
      url: urlOf(parts),
      queue,
      ...files,
      ...parameters.text('token'),
      ...parameters.number('replicas'),
    });
  },
};

/** More than the backbone leaves unacked (`MAX_HELD`): with fewer, nothing would come any more before what is slow has ended. */
const PREFETCH = 320;

const amqp: Kind = {
  example: 'amqp://user:password@host:5672/vhost?queue=postrider (amqps:// for TLS)',
  parameters: ['ca'],
  async open(parts, queue) {
    const { AmqpQueue } = await import('./adapters/amqp.ts');
    return new AmqpQueue({ url: urlOf(parts), queue, prefetch: PREFETCH, ...parts.parameters.file('ca') });
  },
};

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const kafka: Kind = {
  example: 'kafka://user:password@host:9092,host2:9092?queue=postrider&mechanism=scram-sha-512 (kafkas:// for TLS)',
  parameters: ['mechanism', 'ca', 'group', 'partitions', 'replicas'],
  async open({ scheme, user, password, hosts, parameters }, queue) {
    const { KafkaQueue } = await import('./adapters/kafka.ts');
    const given = parameters.text('mechanism').mechanism ?? 'plain';
    const mechanism = MECHANISMS.find((each) => each === given);
    if (!mechanism) throw new QueueError('misconfigured', `mechanism: one of ${MECHANISMS.join(', ')}`);
    return new KafkaQueue({
      brokers: hosts,
      queue,
      ...(user && { sasl: { mechanism, username: user, password } }),
      ...(scheme === 'kafkas' && { tls: parameters.has('ca') ? parameters.file('ca') : true }),
      ...parameters.text('group'),
      ...parameters.number('partitions'),
      ...parameters.number('replicas'),
    });
  },
};

const pubsub: Kind = {
  example: 'pubsub://project?queue=postrider&credentials=/path/to/key.json',
  parameters: ['credentials', 'subscription', 'endpoint', 'plaintext', 'ca'],
  async open({ hosts, parameters }, queue) {
    const { PubSubQueue } = await import('./adapters/pubsub.ts');
    return new PubSubQueue({
      project: hosts,
      queue,
      ...parameters.text('subscription'),
      ...parameters.text('endpoint'),
      ...parameters.file('credentials'),
      ...parameters.file('ca'),
      ...parameters.flag('plaintext'),
    });
  },
};

const sqs: Kind = {
  example: 'sqs://access-key-id:secret-access-key@region?queue=postrider',
  parameters: ['endpoint', 'ca'],
  async open({ user, password, hosts, parameters }, queue) {
    const { SqsQueue } = await import('./adapters/sqs.ts');
    return new SqsQueue({
      region: hosts,
      queue,
      credentials: { accessKeyId: user, secretAccessKey: password },
      ...parameters.text('endpoint'),
      ...parameters.file('ca'),
    });
  },
};

const azure: Kind = {
  example: 'azure://policy:key@name.servicebus.windows.net?queue=postrider',
  parameters: ['sessions'],
  async open({ user, password, hosts, parameters }, queue) {
    const { AzureQueue } = await import('./adapters/azure.ts');
    return new AzureQueue({ namespace: hosts, keyName: user, key: password, queue, ...parameters.flag('sessions') });
  },
};

const KINDS: Readonly<Record<string, Kind>> = {
  redis,
  rediss: redis,
  nats,
  tls: nats,
  amqp,
  amqps: amqp,
  kafka,
  kafkas: kafka,
  pubsub,
  sqs,
  azure,
};

const URL_PATTERN = /^([a-z]+):\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^?#]*)?(?:\?([^#]*))?$/;

/** One of each kind, for whoever did not know how to write it. */
export const QUEUE_URL_EXAMPLES: readonly string[] = [...new Set(Object.values(KINDS))].map(({ example }) => example);

/** @throws QueueError `misconfigured`, which never holds what was between `//` and `@`. */
export function parseQueueUrl(text: string): QueueUrl {
  const [, scheme = '', credentials = '', hosts = '', path = '', query = ''] = URL_PATTERN.exec(text) ?? [];
  const kind = Object.hasOwn(KINDS, scheme) ? KINDS[scheme] : undefined;
  if (!kind) throw new QueueError('misconfigured', `takes one of: ${QUEUE_URL_EXAMPLES.join('; ')}`);
  const parameters = new Parameters(query, kind);
  const queue = parameters.text('queue').queue ?? 'postrider';
  const [user = '', password = ''] = credentials.split(/:(.*)/s);
  const parts = { scheme, user: decoded(user), password: decoded(password), hosts, path, parameters };
  return {
    shown: `${scheme}://${hosts}${path}?queue=${queue}`,
    open: () => kind.open(parts, queue),
  };
}

class Parameters {
  readonly #given: URLSearchParams;

  constructor(query: string, { parameters }: Kind) {
    this.#given = new URLSearchParams(query);
    const known = ['queue', ...parameters];
    const unknown = [...this.#given.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new QueueError('misconfigured', `the parameter ${unknown} is none of ${known.join(', ')}`);
    }
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  text<N extends string>(name: N): { [K in N]?: string } {
    const value = this.#given.get(name);
    return (value ? { [name]: value } : {}) as { [K in N]?: string };
  }

  number<N extends string>(name: N): { [K in N]?: number } {
    const value = this.#given.get(name);
    if (!value) return {};
    if (!/^\d{1,6}$/.test(value)) throw new QueueError('misconfigured', `the parameter ${name} is a whole number`);
    return { [name]: Number(value) } as { [K in N]?: number };
  }

  flag<N extends string>(name: N): { [K in N]?: boolean } {
    const value = this.#given.get(name);
    if (!value) return {};
    if (value !== '0' && value !== '1') {
      throw new QueueError('misconfigured', `the parameter ${name} is 1 for on, 0 for off`);
    }
    return { [name]: value === '1' } as { [K in N]: boolean };
  }

  /** The text of the file that it names. */
  file<N extends string>(name: N): { [K in N]?: string } {
    const path = this.#given.get(name);
    if (!path) return {};
    try {
      return { [name]: readFileSync(path, 'utf8') } as { [K in N]: string };
    } catch (error) {
      throw new QueueError('misconfigured', `the parameter ${name} names a file that cannot be read`, { cause: error });
    }
  }
}

/** The same without parameters. */
function urlOf({ scheme, user, password, hosts, path }: Parts): string {
  const credentials = user || password ? `${encodeURIComponent(user)}:${encodeURIComponent(password)}@` : '';
  return hosts
    .split(',')
    .map((host) => `${scheme}://${credentials}${host.trim()}${path}`)
    .join();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new QueueError('misconfigured', 'user and password are percent-encoded');
  }
}
