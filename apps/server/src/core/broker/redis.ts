import { CA, hostsOf, PASSWORD, trimmed, USERNAME } from './common.ts';
import type { BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = {
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
};

export const redis: BrokerKind = { publishing, receiving };
