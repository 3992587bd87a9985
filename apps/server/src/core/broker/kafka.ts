import { CA, hostsOf, PASSWORD, USERNAME } from './common.ts';
import type { BrokerForm, BrokerKind, Receiving } from './form.ts';

const publishing: BrokerForm = {
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

const receiving: Receiving = {
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
};

export const kafka: BrokerKind = { publishing, receiving };
