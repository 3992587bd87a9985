import { CA, hostsOf } from './common.ts';
import type { BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = {
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
};

export const pubsub: BrokerKind = { publishing, receiving };
