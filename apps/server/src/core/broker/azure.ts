import type { BrokerConfig, BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = {
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
};

export const azure: BrokerKind = { publishing, receiving };

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
