import { join, resolve } from 'node:path';
import { parseQueueUrl, type QueueUrl } from '@postrider/queues/from-url';
import { DEFAULT_RETENTION_DAYS, RETENTION_DAYS } from './core/retention.ts';
import { API_KEY_PATTERN, isMistyped } from './crypto/api-key.ts';
import { fingerprintOf } from './crypto/vault.ts';
import { type Exemption, parseExemptions } from './egress/exemptions.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';

/** The only reader of the environment. Everything else is handed a `Config`. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** What links begin with, no slash at the end. Null: from host and port. */
  readonly publicUrl: string | null;
  /** Null: the embedded database in the data folder. */
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  /** The broker between processes. Null: the database itself. */
  readonly queue: QueueUrl | null;
  readonly roles: ReadonlySet<Role>;
  /** The first wraps, all open. Null: generated into the data folder. */
  readonly masterKeys: MasterKeys | null;
  readonly bootstrapApiKey: string | null;
  readonly egress: {
    readonly allow: readonly Exemption[];
    readonly http: boolean;
    readonly ports: ReadonlySet<number> | 'any';
  };
  /** Days that messages are kept in environments that have no number of their own. */
  readonly retentionDays: number;
  readonly logLevel: LogLevel;
}

export type MasterKeys = readonly [Buffer, ...Buffer[]];

export const ROLES = ['api', 'worker', 'maintenance'] as const;
export type Role = (typeof ROLES)[number];

/** A setting that cannot be: one line that names it and says what it takes. */
export class ConfigError extends Error {
  constructor(setting: string, takes: string) {
    super(`${setting}: ${takes}`);
    this.name = 'ConfigError';
  }
}

/** Settings that are planned and not built: setting one must not look as if it worked. */
const NOT_YET = /^POSTRIDER_(ARCHIVE_URL|SMTP_URL|EGRESS_PROXY|OIDC_\w+)$/;

/** @throws ConfigError */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  for (const [name, value] of Object.entries(env)) {
    if (value && NOT_YET.test(name)) throw new ConfigError(name, 'is not supported by this version; leave it unset');
  }
  return {
    host: env.POSTRIDER_HOST || '127.0.0.1',
    port: port('POSTRIDER_PORT', env.POSTRIDER_PORT || '4400'),
    publicUrl: publicUrl(env.POSTRIDER_PUBLIC_URL),
    databaseUrl: databaseUrl(env.POSTRIDER_DATABASE_URL),
    queue: queue(env.POSTRIDER_QUEUE_URL, env.POSTRIDER_DATABASE_URL),
    dataDir: resolve(env.POSTRIDER_DATA_DIR || '.postrider'),
    roles: roles(env.POSTRIDER_ROLES || ROLES.join(',')),
    masterKeys: masterKeys(env.POSTRIDER_MASTER_KEY),
    bootstrapApiKey: bootstrapApiKey(env.POSTRIDER_BOOTSTRAP_API_KEY),
    egress: {
      allow: exemptions(env.POSTRIDER_EGRESS_ALLOW || ''),
      http: flag('POSTRIDER_EGRESS_HTTP', env.POSTRIDER_EGRESS_HTTP || '0'),
      ports: ports(env.POSTRIDER_EGRESS_PORTS || '443,8443,80,8080'),
    },
    retentionDays: retentionDays(env.POSTRIDER_RETENTION_DAYS || String(DEFAULT_RETENTION_DAYS)),
    logLevel: logLevel(env.POSTRIDER_LOG_LEVEL || 'info'),
  };
}

/** Every setting with its value as it is in force, secrets masked; and whether that is the default. */
export function settingsInForce(config: Config): (readonly [name: string, value: string, isDefault: boolean])[] {
  const defaults = new Map(shown(readConfig({})));
  return shown(config).map(([name, value]) => [name, value, defaults.get(name) === value] as const);
}

function shown(config: Config): [name: string, value: string][] {
  const { bootstrapApiKey, egress, masterKeys } = config;
  return [
    ['POSTRIDER_HOST', config.host],
    ['POSTRIDER_PORT', String(config.port)],
    ['POSTRIDER_PUBLIC_URL', config.publicUrl ?? 'none: from host and port'],
    ['POSTRIDER_DATABASE_URL', config.databaseUrl === null ? 'none: embedded' : withoutPassword(config.databaseUrl)],
    ['POSTRIDER_DATA_DIR', config.dataDir],
    ['POSTRIDER_QUEUE_URL', config.queue?.shown ?? 'none: the database'],
    ['POSTRIDER_ROLES', [...config.roles].join()],
    [
      'POSTRIDER_MASTER_KEY',
      masterKeys?.map((key) => `${MASK} (fingerprint ${fingerprintOf(key).toString('hex')})`).join() ??
        'none: the one in the data folder',
    ],
    ['POSTRIDER_BOOTSTRAP_API_KEY', bootstrapApiKey === null ? 'none' : `${bootstrapApiKey.slice(0, 8)}${MASK}`],
    ['POSTRIDER_EGRESS_ALLOW', egress.allow.map(exemptionText).join() || 'none'],
    ['POSTRIDER_EGRESS_HTTP', egress.http ? '1' : '0'],
    ['POSTRIDER_EGRESS_PORTS', egress.ports === 'any' ? '*' : [...egress.ports].join()],
    ['POSTRIDER_RETENTION_DAYS', String(config.retentionDays)],
    ['POSTRIDER_LOG_LEVEL', config.logLevel],
  ];
}

/** Names that look like settings and are none: misspelt, most likely. Those of tests are for tests to read. */
export function unknownSettings(env: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const known = new Set(shown(readConfig({})).map(([name]) => name));
  return Object.keys(env).filter((name) => /^POSTRIDER_(?!TEST_)/.test(name) && env[name] && !known.has(name));
}

const MASK = '••••••';

function withoutPassword(text: string): string {
  // Not by URL: a password may hold what a URL may not, and this must never show it.
  return text.replace(/^(\w+:\/\/[^:@/]*):.*@/, `$1:${MASK}@`).replace(/(password=)[^&]*/i, `$1${MASK}`);
}

function exemptionText(exemption: Exemption): string {
  if (exemption.kind === 'host') return `${exemption.host}:${exemption.port}`;
  return `${exemption.network.toString()}/${exemption.prefix}`;
}

/** Where the data is. @param poolSize connections, on PostgreSQL. */
export function databaseTarget({ databaseUrl, dataDir }: Pick<Config, 'databaseUrl' | 'dataDir'>, poolSize: number) {
  return databaseUrl === null
    ? ({ kind: 'embedded', folder: join(dataDir, 'database') } as const)
    : ({ kind: 'postgresql', url: databaseUrl, poolSize } as const);
}

function port(setting: string, text: string): number {
  // 0 lets the system choose: for tests and for several processes on one machine.
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new ConfigError(setting, 'a port, 0 to 65535');
  return Number(text);
}

function publicUrl(text: string | undefined): string | null {
  if (!text) return null;
  const url = URL.parse(text);
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
  if (!isPlain)
    throw new ConfigError('POSTRIDER_PUBLIC_URL', 'the URL people reach this by, https://hooks.example.com');
  return url.href.replace(/\/+$/, '');
}

function databaseUrl(text: string | undefined): string | null {
  if (!text) return null;
  if (!/^postgres(ql)?:\/\//.test(text)) {
    throw new ConfigError('POSTRIDER_DATABASE_URL', 'a PostgreSQL URL, postgres://user:password@host:5432/database');
  }
  return text;
}

function queue(text: string | undefined, database: string | undefined): QueueUrl | null {
  if (!text) return null;
  // It is between processes, and the embedded database has one.
  if (!database) throw new ConfigError('POSTRIDER_QUEUE_URL', 'needs POSTRIDER_DATABASE_URL besides');
  try {
    return parseQueueUrl(text);
  } catch (error) {
    throw new ConfigError('POSTRIDER_QUEUE_URL', error instanceof Error ? error.message : String(error));
  }
}

function roles(text: string): ReadonlySet<Role> {
  const names = text.split(',').map((name) => name.trim());
  const known = names.filter((name): name is Role => (ROLES as readonly string[]).includes(name));
  if (known.length !== names.length) {
    throw new ConfigError('POSTRIDER_ROLES', `one or more of ${ROLES.join(', ')}, separated by commas`);
  }
  return new Set(known);
}

function masterKeys(text: string | undefined): MasterKeys | null {
  if (!text) return null;
  const keys = parseMasterKeys(text);
  if (keys) return keys;
  throw new ConfigError(
    'POSTRIDER_MASTER_KEY',
    '32 bytes in base64, as `openssl rand -base64 32` prints them; several with commas between, the newest first',
  );
}

/** One or more keys of 32 bytes from their base64, or null. */
export function parseMasterKeys(text: string): MasterKeys | null {
  const [first, ...others] = text.split(',').map((each) => parseMasterKey(each.trim()));
  return first && others.every((key) => key !== null) ? [first, ...others] : null;
}

function parseMasterKey(text: string): Buffer | null {
  const key = Buffer.from(text, 'base64');
  return key.length === 32 && key.toString('base64') === text ? key : null;
}

function bootstrapApiKey(text: string | undefined): string | null {
  if (!text) return null;
  if (!API_KEY_PATTERN.test(text)) {
    throw new ConfigError('POSTRIDER_BOOTSTRAP_API_KEY', 'pr_test_ or pr_live_ and 32 to 200 letters, digits, - or _');
  }
  // It would be refused at every call.
  if (isMistyped(text)) {
    throw new ConfigError(
      'POSTRIDER_BOOTSTRAP_API_KEY',
      'its checksum is wrong: it is a key of ours mistyped, or one of your own, which must not have 38 letters and digits',
    );
  }
  return text;
}

function exemptions(text: string): readonly Exemption[] {
  const parsed = parseExemptions(text);
  if (!parsed.ok) throw new ConfigError('POSTRIDER_EGRESS_ALLOW', parsed.reason);
  return parsed.exemptions;
}

function flag(setting: string, text: string): boolean {
  if (text !== '0' && text !== '1') throw new ConfigError(setting, '1 for on, 0 for off');
  return text === '1';
}

function ports(text: string): ReadonlySet<number> | 'any' {
  if (text.trim() === '*') return 'any';
  return new Set(text.split(',').map((each) => port('POSTRIDER_EGRESS_PORTS', each.trim())));
}

function retentionDays(text: string): number {
  const { least, most } = RETENTION_DAYS;
  if (!/^\d{1,4}$/.test(text) || Number(text) < least || Number(text) > most) {
    throw new ConfigError('POSTRIDER_RETENTION_DAYS', `days, ${least} to ${most}`);
  }
  return Number(text);
}

function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text);
  if (!level) throw new ConfigError('POSTRIDER_LOG_LEVEL', `one of ${LOG_LEVELS.join(', ')}`);
  return level;
}
