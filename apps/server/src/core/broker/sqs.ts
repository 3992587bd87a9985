import { CA, hostsOf } from './common.ts';
import type { BrokerConfig, BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = {
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
};

export const sqs: BrokerKind = { publishing, receiving };

function isUrl(value: BrokerConfig[string] | undefined): boolean {
  return /^https?:\/\//.test(String(value));
}
