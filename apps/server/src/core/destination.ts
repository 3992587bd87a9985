/**
 * The kinds of broker that events can go to, and what each has to be told. From this one table come the validation of
 * `config`, what of it is masked, and the forms that customers fill in. A new kind is an entry here and one in
 * brokers/open.ts.
 */

/** As it is stored: fields that were not set are absent. */
export type BrokerConfig = Readonly<Record<string, string | number | boolean>>;

interface CommonField {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly isRequired?: true;
  /** Who changes where this leads, or how it is kept from others, gives the secrets anew: else they would go there too. */
  readonly isPlace?: true;
}

export type ConfigField =
  | (CommonField & {
      readonly kind: 'text';
      readonly placeholder?: string;
      readonly pattern?: string;
      readonly maxLength?: number;
      /** It is a URL of one of these, without credentials; or with commas between them, where `isList`. */
      readonly url?: { readonly schemes: readonly string[]; readonly path: RegExp; readonly isList?: true };
    })
  | (CommonField & { readonly kind: 'multiline' })
  | (CommonField & { readonly kind: 'secret' | 'multiline_secret' })
  | (CommonField & { readonly kind: 'number'; readonly min: number; readonly max: number; readonly default?: number })
  | (CommonField & { readonly kind: 'boolean'; readonly default?: boolean })
  | (CommonField & { readonly kind: 'choice'; readonly choices: readonly string[]; readonly default?: string });

export interface Destination {
  readonly name: string;
  readonly description: string;
  readonly fields: readonly ConfigField[];
  /** What the fields do not say one by one: field and message. */
  readonly check?: (config: BrokerConfig) => readonly (readonly [string, string])[];
  /** Of secret fields that are made of several things, those that are secret by themselves. */
  readonly secretsWithin?: (config: BrokerConfig) => readonly string[];
  /** Where it leads, for people; without credentials. */
  readonly address: (config: BrokerConfig) => string;
  /** The hosts that it names, as `host:port`. */
  readonly hosts: (config: BrokerConfig) => readonly string[];
}

const USERNAME = { name: 'username', kind: 'text', label: 'User name', description: 'Whom to log in as' } as const;
const PASSWORD = { name: 'password', kind: 'secret', label: 'Password', description: 'Of that user' } as const;
const CA = {
  name: 'ca',
  kind: 'multiline',
  label: 'Certificate authority',
  description: 'PEM of the authority to believe, with TLS; those of the system unless given',
  isPlace: true,
} as const;

const redis: Destination = {
  name: 'Redis Streams',
  description: 'An entry of a stream for each event, added with XADD. Redis 6.2 or later',
  fields: [
    {
      name: 'url',
      kind: 'text',
      label: 'Server',
      description: 'redis://, or rediss:// for TLS, with port and number of the database',
      placeholder: 'rediss://redis.example.com:6379/0',
      url: { schemes: ['redis', 'rediss'], path: /^\/?\d*$/ },
      isRequired: true,
      isPlace: true,
    },
    {
      name: 'stream',
      kind: 'text',
      label: 'Stream',
      description: 'The key of the stream; made by the first event where it is not there',
      placeholder: 'events',
      maxLength: 512,
      isRequired: true,
    },
    USERNAME,
    PASSWORD,
    CA,
  ],
  check: ({ username, password }) =>
    username !== undefined && password === undefined ? [['password', 'is required with username']] : [],
  address: ({ url, stream }) => `${trimmed(url)}/${stream}`,
  hosts: ({ url }) => hostsOf(url, 6379),
};

const nats: Destination = {
  name: 'NATS JetStream',
  description: 'A message to a subject that a stream takes. NATS server 2.9 or later',
  fields: [
    {
      name: 'url',
      kind: 'text',
      label: 'Servers',
      description: 'nats://, or tls:// for TLS; several of one cluster with commas between them',
      placeholder: 'tls://nats.example.com:4222',
      url: { schemes: ['nats', 'tls'], path: /^\/?$/, isList: true },
      isRequired: true,
      isPlace: true,
    },
    {
      name: 'stream',
      kind: 'text',
      label: 'Stream',
      description: 'The name of the stream; it has to be there',
      placeholder: 'EVENTS',
      pattern: '^[^\\s.*>/\\\\]+$',
      maxLength: 255,
      isRequired: true,
    },
    {
      name: 'subject',
      kind: 'text',
      label: 'Subject',
      description: "What is published to; the stream's name unless given",
      placeholder: 'events.postrider',
      pattern: '^[^\\s*>]+$',
      maxLength: 255,
    },
    USERNAME,
    PASSWORD,
    { name: 'token', kind: 'secret', label: 'Token', description: 'Instead of user name and password' },
    {
      name: 'credentials',
      kind: 'multiline_secret',
      label: 'Credentials file',
      description: "The text of a .creds file, instead: a user's JWT and its seed",
    },
    CA,
  ],
  check: ({ username, password, token, credentials }) => {
    if ((username === undefined) !== (password === undefined)) return [['password', 'goes with username']];
    const given = [username, token, credentials].filter((each) => each !== undefined);
    return given.length > 1 ? [['username', 'one of username, token and credentials']] : [];
  },
  address: ({ url, subject, stream }) => `${trimmed(url)}/${subject ?? stream}`,
  hosts: ({ url }) => hostsOf(url, 4222),
};

const amqp: Destination = {
  name: 'RabbitMQ',
  description: 'A persistent message to a queue, confirmed by the broker. RabbitMQ 3.10 or later, AMQP 0-9-1',
  fields: [
    {
      name: 'url',
      kind: 'text',
      label: 'Server',
      description: 'amqp://, or amqps:// for TLS, with port and virtual host',
      placeholder: 'amqps://rabbit.example.com:5671/production',
      url: { schemes: ['amqp', 'amqps'], path: /^(\/[^/]*)?$/ },
      isRequired: true,
      isPlace: true,
    },
    {
      name: 'queue',
      kind: 'text',
      label: 'Queue',
      description: 'The name of the queue; it has to be there',
      placeholder: 'events',
      maxLength: 200,
      isRequired: true,
    },
    { ...USERNAME, isRequired: true },
    { ...PASSWORD, isRequired: true },
    CA,
  ],
  address: ({ url, queue }) => `${trimmed(url)}/${queue}`,
  hosts: ({ url }) => hostsOf(url, String(url).startsWith('amqps:') ? 5671 : 5672),
};

const kafka: Destination = {
  name: 'Apache Kafka',
  description: 'A record of a topic for each event, acknowledged by all replicas in step. Kafka 3.5 or later',
  fields: [
    {
      name: 'brokers',
      kind: 'text',
      label: 'Bootstrap servers',
      description: 'host:port; several with commas between them',
      placeholder: 'kafka-1.example.com:9092,kafka-2.example.com:9092',
      pattern: '^[^\\s/@?#,]+(\\s*,\\s*[^\\s/@?#,]+)*$',
      isRequired: true,
      isPlace: true,
    },
    {
      name: 'topic',
      kind: 'text',
      label: 'Topic',
      description: 'The name of the topic; it has to be there',
      placeholder: 'events',
      pattern: '^[\\w.-]{1,249}$',
      isRequired: true,
    },
    {
      name: 'sasl_mechanism',
      kind: 'choice',
      label: 'SASL mechanism',
      description: 'How user name and password are shown; left out, no user is',
      choices: ['plain', 'scram-sha-256', 'scram-sha-512'],
      isPlace: true,
    },
    USERNAME,
    PASSWORD,
    {
      name: 'tls',
      kind: 'boolean',
      label: 'TLS',
      description: 'false: nothing is encrypted, the password of `plain` neither',
      default: true,
      isPlace: true,
    },
    CA,
    {
      name: 'certificate',
      kind: 'multiline',
      label: 'Client certificate',
      description: 'PEM of a certificate of your own, where the servers ask for one',
    },
    {
      name: 'key',
      kind: 'multiline_secret',
      label: 'Client key',
      description: 'PEM of the private key of that certificate',
    },
  ],
  check: ({ sasl_mechanism, username, password, tls, ca, certificate, key }) => {
    if (sasl_mechanism !== undefined && (username === undefined || password === undefined)) {
      return [['sasl_mechanism', 'needs username and password']];
    }
    if (sasl_mechanism === undefined && (username ?? password) !== undefined) {
      return [['sasl_mechanism', 'is required with username and password']];
    }
    if ((certificate === undefined) !== (key === undefined)) return [['key', 'goes with certificate']];
    if (tls === false && (ca ?? certificate) !== undefined) return [['tls', 'is false, and a certificate is given']];
    return [];
  },
  address: ({ brokers, topic }) => `kafka://${String(brokers).replace(/\s/g, '')}/${topic}`,
  hosts: ({ brokers }) =>
    String(brokers)
      .split(',')
      .flatMap((each) => hostsOf(`kafka://${each.trim()}`, 9092)),
};

const pubsub: Destination = {
  name: 'Google Cloud Pub/Sub',
  description: 'A message to a topic for each event',
  fields: [
    {
      name: 'project',
      kind: 'text',
      label: 'Project',
      description: 'The id of the Google Cloud project',
      placeholder: 'my-project',
      pattern: '^[a-z0-9.:-]+$',
      maxLength: 100,
      isRequired: true,
    },
    {
      name: 'topic',
      kind: 'text',
      label: 'Topic',
      description: 'The id of the topic; it has to be there',
      placeholder: 'events',
      pattern: '^[A-Za-z][\\w.~+%-]{2,254}$',
      isRequired: true,
    },
    {
      name: 'credentials',
      kind: 'multiline_secret',
      label: 'Service account key',
      description: "The text of a service account's key file (JSON)",
      isRequired: true,
    },
    {
      name: 'endpoint',
      kind: 'text',
      label: 'Endpoint',
      description: 'host:port of a region or a private endpoint; pubsub.googleapis.com:443 unless given',
      placeholder: 'europe-west3-pubsub.googleapis.com:443',
      pattern: '^[^\\s/@?#:]+:\\d{1,5}$',
      isPlace: true,
    },
    CA,
  ],
  address: ({ project, topic }) => `pubsub://${project}/${topic}`,
  hosts: ({ endpoint = 'pubsub.googleapis.com:443' }) => hostsOf(`grpc://${endpoint}`, 443),
};

const azure: Destination = {
  name: 'Azure Service Bus',
  description: 'A message to a queue or topic for each event',
  fields: [
    {
      name: 'connection_string',
      kind: 'secret',
      label: 'Connection string',
      description: 'Of a shared access policy that may send, of the namespace or of the queue',
      isRequired: true,
    },
    {
      name: 'queue',
      kind: 'text',
      label: 'Queue or topic',
      description: 'Its name; it has to be there',
      placeholder: 'events',
      maxLength: 260,
      isRequired: true,
    },
    {
      name: 'sessions',
      kind: 'boolean',
      label: 'It requires sessions',
      description: 'Each event is then given one',
      default: false,
    },
  ],
  check: ({ connection_string }) =>
    connection_string !== undefined && serviceBusOf(connection_string) === null
      ? [['connection_string', 'is not like Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…']]
      : [],
  secretsWithin: ({ connection_string }) => {
    const key = serviceBusOf(connection_string)?.key;
    return key === undefined ? [] : [key];
  },
  address: ({ connection_string, queue }) => `sb://${serviceBusOf(connection_string)?.host ?? ''}/${queue}`,
  hosts: ({ connection_string }) => {
    const place = serviceBusOf(connection_string);
    return place ? [`${place.hostname}:${place.port || (place.isPlain ? 5672 : 5671)}`] : [];
  },
};

const sqs: Destination = {
  name: 'Amazon SQS',
  description: 'A message to a queue for each event, FIFO or not',
  fields: [
    {
      name: 'region',
      kind: 'text',
      label: 'Region',
      description: 'As AWS names it',
      placeholder: 'eu-central-1',
      pattern: '^[a-z0-9-]+$',
      maxLength: 64,
      isRequired: true,
      isPlace: true,
    },
    {
      name: 'queue',
      kind: 'text',
      label: 'Queue',
      description: 'Its name, or its URL; it has to be there',
      placeholder: 'https://sqs.eu-central-1.amazonaws.com/123456789012/events.fifo',
      pattern: '^(https?://[^\\s/@?#]+/[\\w/-]*)?[\\w-]{1,80}(\\.fifo)?$',
      isRequired: true,
      isPlace: true,
    },
    {
      name: 'access_key_id',
      kind: 'text',
      label: 'Access key ID',
      description: 'Of a user or role that may send to the queue',
      placeholder: 'AKIAIOSFODNN7EXAMPLE',
      maxLength: 128,
      isRequired: true,
    },
    {
      name: 'secret_access_key',
      kind: 'secret',
      label: 'Secret access key',
      description: 'Of that access key',
      isRequired: true,
    },
    {
      name: 'session_token',
      kind: 'secret',
      label: 'Session token',
      description: 'Of credentials that end',
    },
    {
      name: 'endpoint',
      kind: 'text',
      label: 'Endpoint',
      description: "https:// and a host, of a VPC endpoint; that of the queue's URL, or of the region, unless given",
      placeholder: 'https://vpce-1a2b3c.sqs.eu-central-1.vpce.amazonaws.com',
      url: { schemes: ['https', 'http'], path: /^\/?$/ },
      isPlace: true,
    },
    CA,
  ],
  address: ({ region, queue }) => (isUrl(queue) ? String(queue) : `sqs://${region}/${queue}`),
  hosts: ({ region, queue, endpoint }) => {
    const suffix = String(region).startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
    const url = String(endpoint ?? (isUrl(queue) ? queue : `https://sqs.${region}.${suffix}`));
    return hostsOf(url, url.startsWith('http:') ? 80 : 443);
  },
};

export const DESTINATIONS = { sqs, nats, redis, amqp, kafka, pubsub, azure } as const satisfies Record<
  string,
  Destination
>;

export type BrokerType = keyof typeof DESTINATIONS;

export const BROKER_TYPES = Object.keys(DESTINATIONS) as readonly BrokerType[];

export function isSecretField({ kind }: ConfigField): boolean {
  return kind === 'secret' || kind === 'multiline_secret';
}

function isUrl(value: BrokerConfig[string] | undefined): boolean {
  return /^https?:\/\//.test(String(value));
}

/** Null where it is no connection string. The development emulator has no TLS. */
function serviceBusOf(connectionString: BrokerConfig[string] | undefined) {
  const fields = new Map(
    String(connectionString)
      .split(';')
      .map((field) => [field.replace(/=.*/s, '').trim(), field.replace(/^[^=]*=/, '').trim()]),
  );
  const url = URL.parse((fields.get('Endpoint') ?? '').replace(/^sb:/, 'amqp:'));
  const isWhole = ['SharedAccessKeyName', 'SharedAccessKey'].every((name) => fields.get(name));
  if (url?.protocol !== 'amqp:' || !url.hostname || url.username || url.password || !isWhole) return null;
  const { host, hostname, port } = url;
  return {
    host,
    hostname,
    port,
    isPlain: fields.get('UseDevelopmentEmulator') === 'true',
    key: fields.get('SharedAccessKey'),
  };
}

function trimmed(url: BrokerConfig[string] | undefined): string {
  return String(url).replace(/\/+$/, '');
}

/** Of a URL, or of several with commas between them. */
function hostsOf(urls: BrokerConfig[string] | undefined, defaultPort: number): string[] {
  return String(urls)
    .split(',')
    .flatMap((each) => {
      const url = URL.parse(each.trim());
      return url?.hostname ? [`${url.hostname}:${url.port || defaultPort}`] : [];
    });
}
