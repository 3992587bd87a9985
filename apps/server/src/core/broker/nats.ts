import { CA, hostsOf, PASSWORD, trimmed, USERNAME } from './common.ts';
import type { BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = {
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
};

export const nats: BrokerKind = { publishing, receiving };
