import { CA, hostsOf, PASSWORD, trimmed, USERNAME } from './common.ts';
import type { BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = { description: 'Messages of a queue. RabbitMQ 3.10 or later, AMQP 0-9-1', fields: [] };

export const amqp: BrokerKind = { publishing, receiving };
