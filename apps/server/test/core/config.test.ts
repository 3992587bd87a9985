import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, parseMasterKeys, readConfig } from '../../src/config.ts';

test('without settings: loopback, the embedded database, all roles, a strict egress', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 4400,
    publicUrl: null,
    databaseUrl: null,
    queue: null,
    dataDir: resolve('.postrider'),
    roles: new Set(['api', 'worker', 'maintenance']),
    masterKeys: null,
    bootstrapApiKey: null,
    egress: { allow: [], http: false, ports: new Set([443, 8443, 80, 8080]) },
    retentionDays: 30,
    logLevel: 'info',
  });
});

test('a setting that is empty is a setting that is not set', () => {
  const names = Object.keys(accepted).map((line) => line.split('=')[0] ?? '');
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}));
});

const key = randomBytes(32);
const older = randomBytes(32);
const apiKey = `pr_live_${'k'.repeat(32)}`;
const accepted: Record<string, object> = {
  'POSTRIDER_HOST=0.0.0.0': { host: '0.0.0.0' },
  'POSTRIDER_PORT=0': { port: 0 },
  'POSTRIDER_PORT=65535': { port: 65_535 },
  'POSTRIDER_PUBLIC_URL=https://hooks.example.com': { publicUrl: 'https://hooks.example.com' },
  'POSTRIDER_PUBLIC_URL=http://10.0.0.1:8080/hooks/': { publicUrl: 'http://10.0.0.1:8080/hooks' },
  'POSTRIDER_DATABASE_URL=postgres://u:p@h/d': { databaseUrl: 'postgres://u:p@h/d' },
  'POSTRIDER_DATABASE_URL=postgresql://h/d': { databaseUrl: 'postgresql://h/d' },
  'POSTRIDER_DATA_DIR=/var/lib/postrider': { dataDir: '/var/lib/postrider' },
  'POSTRIDER_ROLES=worker': { roles: new Set(['worker']) },
  'POSTRIDER_ROLES=api, maintenance': { roles: new Set(['api', 'maintenance']) },
  [`POSTRIDER_MASTER_KEY=${key.toString('base64')}`]: { masterKeys: [key] },
  [`POSTRIDER_MASTER_KEY=${older.toString('base64')}, ${key.toString('base64')}`]: { masterKeys: [older, key] },
  [`POSTRIDER_BOOTSTRAP_API_KEY=${apiKey}`]: { bootstrapApiKey: apiKey },
  'POSTRIDER_EGRESS_HTTP=1': { egress: { http: true } },
  'POSTRIDER_EGRESS_PORTS=*': { egress: { ports: 'any' } },
  'POSTRIDER_EGRESS_PORTS=443, 9000': { egress: { ports: new Set([443, 9000]) } },
  'POSTRIDER_RETENTION_DAYS=1': { retentionDays: 1 },
  'POSTRIDER_RETENTION_DAYS=3650': { retentionDays: 3_650 },
  'POSTRIDER_LOG_LEVEL=debug': { logLevel: 'debug' },
};

test.each(Object.entries(accepted))('%s', (line, expected) => {
  const [name = '', ...value] = line.split('=');
  expect(readConfig({ [name]: value.join('=') })).toMatchObject(expected);
});

test('addresses that egress may reach are read as networks', () => {
  expect(readConfig({ POSTRIDER_EGRESS_ALLOW: '10.0.0.0/8,127.0.0.1' }).egress.allow).toHaveLength(2);
});

describe('a setting that cannot be is refused by name', () => {
  test.each([
    ['POSTRIDER_PORT', '65536'],
    ['POSTRIDER_PORT', '-1'],
    ['POSTRIDER_PORT', '44o0'],
    ['POSTRIDER_PORT', '4400.5'],
    ['POSTRIDER_PUBLIC_URL', 'hooks.example.com'],
    ['POSTRIDER_PUBLIC_URL', 'ftp://hooks.example.com'],
    ['POSTRIDER_PUBLIC_URL', 'https://u:p@hooks.example.com'],
    ['POSTRIDER_PUBLIC_URL', 'https://hooks.example.com/?a=b'],
    ['POSTRIDER_PUBLIC_URL', 'https://hooks.example.com/#portal'],
    ['POSTRIDER_DATABASE_URL', 'mysql://h/d'],
    ['POSTRIDER_DATABASE_URL', 'localhost'],
    ['POSTRIDER_ROLES', 'api,sender'],
    ['POSTRIDER_ROLES', 'api,'],
    ['POSTRIDER_MASTER_KEY', 'secret'],
    ['POSTRIDER_MASTER_KEY', randomBytes(31).toString('base64')],
    ['POSTRIDER_MASTER_KEY', randomBytes(33).toString('base64')],
    ['POSTRIDER_MASTER_KEY', key.toString('hex')],
    ['POSTRIDER_MASTER_KEY', `${key.toString('base64')},`],
    ['POSTRIDER_MASTER_KEY', `${key.toString('base64')},short`],
    ['POSTRIDER_BOOTSTRAP_API_KEY', 'pr_live_short'],
    ['POSTRIDER_BOOTSTRAP_API_KEY', 'k'.repeat(60)],
    // The form of a generated key, and not its checksum.
    ['POSTRIDER_BOOTSTRAP_API_KEY', `pr_live_${'k'.repeat(38)}`],
    ['POSTRIDER_EGRESS_ALLOW', '10.0.0.0/33'],
    ['POSTRIDER_EGRESS_HTTP', 'yes'],
    ['POSTRIDER_EGRESS_PORTS', '443,'],
    ['POSTRIDER_EGRESS_PORTS', '99999'],
    ['POSTRIDER_RETENTION_DAYS', '0'],
    ['POSTRIDER_RETENTION_DAYS', '3651'],
    ['POSTRIDER_RETENTION_DAYS', '30d'],
    ['POSTRIDER_RETENTION_DAYS', '1.5'],
    ['POSTRIDER_LOG_LEVEL', 'loud'],
    // Without a PostgreSQL there is one process, and nobody to hand anything to.
    ['POSTRIDER_QUEUE_URL', 'nats://h'],
    ['POSTRIDER_ARCHIVE_URL', 's3://b'],
    ['POSTRIDER_SMTP_URL', 'smtp://h'],
    ['POSTRIDER_EGRESS_PROXY', 'http://h'],
  ])('%s=%s', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(ConfigError);
    expect(() => readConfig({ [name]: value })).toThrow(new RegExp(`^${name}: `));
  });
});

test('a queue is named by a URL, next to a PostgreSQL', () => {
  const POSTRIDER_DATABASE_URL = 'postgres://h/d';
  expect(readConfig({ POSTRIDER_DATABASE_URL, POSTRIDER_QUEUE_URL: 'nats://u:p@h' }).queue?.shown).toBe(
    'nats://h?queue=postrider',
  );
  expect(readConfig({ POSTRIDER_DATABASE_URL }).queue).toBeNull();
  expect(() => readConfig({ POSTRIDER_DATABASE_URL, POSTRIDER_QUEUE_URL: 'http://u:hunter2@h' })).toThrow(
    /^POSTRIDER_QUEUE_URL: takes one of: redis(?!.*hunter2)/,
  );
});

test('a refusal does not repeat a secret', () => {
  for (const name of ['POSTRIDER_MASTER_KEY', 'POSTRIDER_BOOTSTRAP_API_KEY', 'POSTRIDER_DATABASE_URL']) {
    expect(() => readConfig({ [name]: 'hunter2' })).toThrow(/^(?!.*hunter2)/);
  }
});

test('a master key is read with the newline that its file ends in', () => {
  expect(parseMasterKeys(`${key.toString('base64')}\n`)).toEqual([key]);
  expect(parseMasterKeys(`-${key.toString('base64').slice(1)}`)).toBeNull();
});
