import { describe, expect, it } from 'vitest';
import { type BrokerType, DESTINATIONS } from '../../src/core/broker/all.ts';
import type { BrokerForm } from '../../src/core/broker/form.ts';
import { type ConfigInput, maskConfig, mergeConfig } from '../../src/core/broker-config.ts';
import { MASK } from '../../src/core/mask.ts';

const VALID: Readonly<Record<BrokerType, Readonly<Record<string, string | number | boolean>>>> = {
  redis: { url: 'rediss://redis.example.com:6379/0', stream: 'events', username: 'me', password: 'hunter2' },
  nats: { url: 'tls://a.example.com:4222, tls://b.example.com:4222', stream: 'EVENTS', token: 'hunter2' },
  amqp: { url: 'amqps://rabbit.example.com:5671/prod', queue: 'events', username: 'me', password: 'hunter2' },
  kafka: {
    brokers: 'a.example.com:9092, b.example.com:9092',
    topic: 'events',
    sasl_mechanism: 'plain',
    username: 'me',
    password: 'hunter2',
  },
  sqs: {
    region: 'eu-central-1',
    queue: 'https://sqs.eu-central-1.amazonaws.com/123456789012/events',
    access_key_id: 'AKIAIOSFODNN7EXAMPLE',
    secret_access_key: 'hunter2',
  },
  azure: {
    connection_string: 'Endpoint=sb://shop.servicebus.windows.net/;SharedAccessKeyName=me;SharedAccessKey=hunter2',
    queue: 'events',
    sessions: true,
  },
  pubsub: { project: 'my-project', topic: 'events', credentials: '{\n"type": "service_account"\n}' },
};

const errorsOf = (type: BrokerType, input: ConfigInput, stored: ConfigInput | null = null) => {
  const destination: BrokerForm = DESTINATIONS[type];
  const before = stored && mergeConfig(destination, null, stored);
  if (before && !before.ok) throw new Error('what is stored is valid');
  const merged = mergeConfig(destination, before?.config ?? null, input);
  return merged.ok ? merged.config : merged.errors.map(({ field, message }) => `${field}: ${message}`);
};
const types = Object.keys(VALID) as BrokerType[];

describe('a config of a broker', () => {
  it.each(types)('of %s is taken where it is whole, and shown with its secrets masked', (type) => {
    const config = errorsOf(type, VALID[type]);
    expect(config).toEqual(VALID[type]);
    const shown = maskConfig(DESTINATIONS[type], VALID[type]);
    expect(Object.keys(shown).sort()).toEqual(Object.keys(VALID[type]).sort());
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(JSON.stringify(shown)).not.toContain('service_account');
    expect(DESTINATIONS[type].address(VALID[type])).toMatch(/^[a-z]+:\/\/[^@]+\/(events|EVENTS)$/);
  });

  it.each(types)('of %s is refused without what it has to have, by the name of each field', (type) => {
    const required = DESTINATIONS[type].fields.filter((field) => 'isRequired' in field).map(({ name }) => name);
    expect(errorsOf(type, {})).toEqual(required.map((name) => `${name}: is required`));
  });

  it.each<[BrokerType, ConfigInput, string]>([
    [
      'redis',
      { stream: 'a', url: 'redis://me:secret@host:6379' },
      'url: must not hold a user name or password: those have fields of their own',
    ],
    [
      'redis',
      { stream: 'a', url: 'redis://@host:6379' },
      'url: must not hold a user name or password: those have fields of their own',
    ],
    ['redis', { stream: 'a', url: 'http://host' }, 'url: must begin with redis:// or rediss:// and name a host'],
    ['redis', { stream: 'a', url: 'redis:///0' }, 'url: must begin with redis:// or rediss:// and name a host'],
    ['redis', { stream: 'a', url: 'redis:host' }, 'url: must begin with redis:// or rediss:// and name a host'],
    ['redis', { stream: 'a', url: 'redis://host/0?tls=no' }, 'url: holds more after the host than is known here'],
    ['redis', { stream: 'a', url: 'redis://host/orders' }, 'url: holds more after the host than is known here'],
    ['redis', { stream: 1, url: 'redis://host' }, 'stream: must be text'],
    ['redis', { stream: '', url: 'redis://host' }, 'stream: must have 1 to 512 characters'],
    ['redis', { stream: 'a\n', url: 'redis://host' }, 'stream: must not hold control characters'],
    ['redis', { stream: 'a', url: 'redis://host', username: 'me' }, 'password: is required with username'],
    ['redis', { stream: 'a', url: 'redis://host', password: MASK }, 'password: is a mask, and no secret'],
    ['redis', { stream: 'a', url: 'redis://host', pasword: 'x' }, 'pasword: is not a known field'],
    ['redis', { stream: 'a', url: 'redis://host', toString: 'x' }, 'toString: is not a known field'],
    [
      'nats',
      { ...VALID.nats, url: 'nats://a,nats://b:c@d' },
      'url: must not hold a user name or password: those have fields of their own',
    ],
    ['nats', { ...VALID.nats, stream: 'a.b' }, 'stream: must match ^[^\\s.*>/\\\\]+$'],
    ['nats', { ...VALID.nats, username: 'me', password: 'x' }, 'username: one of username, token and credentials'],
    ['nats', { ...VALID.nats, password: 'x' }, 'password: goes with username'],
    [
      'kafka',
      { ...VALID.kafka, brokers: 'me@host:9092' },
      'brokers: must match ^[^\\s/@?#,]+(\\s*,\\s*[^\\s/@?#,]+)*$',
    ],
    [
      'kafka',
      { ...VALID.kafka, sasl_mechanism: 'gssapi' },
      'sasl_mechanism: must be one of plain, scram-sha-256, scram-sha-512',
    ],
    ['kafka', { ...VALID.kafka, sasl_mechanism: null }, 'sasl_mechanism: is required with username and password'],
    ['kafka', { ...VALID.kafka, tls: 'yes' }, 'tls: must be true or false'],
    ['kafka', { ...VALID.kafka, tls: false, ca: 'pem' }, 'tls: is false, and a certificate is given'],
    ['kafka', { ...VALID.kafka, certificate: 'pem' }, 'key: goes with certificate'],
  ])('of %s is refused: %o', (type, input, error) => {
    expect(errorsOf(type, input)).toEqual([error]);
  });

  it('is changed field by field: null takes one out, a mask leaves a secret', () => {
    expect(errorsOf('amqp', { queue: 'others', password: MASK }, VALID.amqp)).toEqual({
      ...VALID.amqp,
      queue: 'others',
    });
    expect(errorsOf('redis', { username: null, password: null }, VALID.redis)).toEqual({
      url: 'rediss://redis.example.com:6379/0',
      stream: 'events',
    });
    expect(errorsOf('amqp', { queue: null }, VALID.amqp)).toEqual(['queue: is required']);
  });

  it('is not to be led elsewhere by somebody who does not know its secrets', () => {
    const url = 'redis://redis.evil.example.com:6379/0';
    const refused = ['password: is to be given anew, as url has changed'];
    expect(errorsOf('redis', { url }, VALID.redis)).toEqual(refused);
    expect(errorsOf('redis', { url, password: MASK }, VALID.redis)).toEqual(refused);
    expect(errorsOf('redis', { ca: 'mine' }, VALID.redis)).toEqual([
      'password: is to be given anew, as ca has changed',
    ]);
    expect(errorsOf('kafka', { tls: false }, VALID.kafka)).toEqual([
      'password: is to be given anew, as tls has changed',
    ]);
    expect(errorsOf('redis', { url, password: 'hunter2' }, VALID.redis)).toEqual({ ...VALID.redis, url });
    expect(errorsOf('redis', { url, username: null, password: null }, VALID.redis)).toEqual({ url, stream: 'events' });
  });
});
