import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Credentials } from '../conformance/stage.ts';
import { newPlace, OwnServer, secret } from './own-server.ts';
import { ServerProcess } from './server-process.ts';

const run = promisify(execFile);
const SERVER = '/usr/bin/redis-server';

/** Why there is no Redis to test against, or null. */
export const missing = existsSync(SERVER) ? null : 'no redis-server: scripts/brokers.sh redis';

/** As docs/brokers/redis.md names them. */
const COMMANDS = `ping select evalsha eval time exists set zadd zrem zrange zrangebyscore
  xadd xgroup|create xreadgroup xautoclaim xclaim xpending xrange xack xdel`;
const LEAST_GRANTS = ['-@all', ...COMMANDS.split(/\s+/).map((command) => `+${command}`)];

/** A Redis of one test file's own, that writes to disk before it answers. */
export class OwnRedis extends OwnServer {
  readonly password = secret();
  protected readonly process = new ServerProcess(
    SERVER,
    this.#args(),
    async () => (await this.command('PING')) === 'PONG',
  );

  static async start(): Promise<OwnRedis> {
    const redis = new OwnRedis(await newPlace('redis'));
    await redis.process.start();
    return redis;
  }

  /** As a user that may do no more than an adapter has to, unless told. */
  url({ user = 'postrider', password = this.password }: Credentials = {}): string {
    return `redis://${user}:${password}@127.0.0.1:${this.port}/0`;
  }

  async command(...args: string[]): Promise<string> {
    const env = { ...process.env, REDISCLI_AUTH: this.password };
    const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args], { env });
    return stdout.trim();
  }

  /** @param keys patterns of what it may touch. */
  async createUser(...keys: string[]): Promise<Credentials> {
    const user = `user_${secret()}`;
    const password = secret();
    await this.command('ACL', 'SETUSER', user, 'on', `>${password}`, ...keys, ...LEAST_GRANTS);
    return { user, password };
  }

  async removeUser({ user = '' }: Credentials): Promise<void> {
    await this.command('ACL', 'DELUSER', user);
  }

  #args(): string[] {
    const settings = {
      port: this.port,
      bind: '127.0.0.1',
      dir: this.folder,
      appendonly: 'yes',
      appendfsync: 'always',
      save: '',
      requirepass: this.password,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    return [...args, '--user', 'postrider', 'on', `>${this.password}`, '~*', ...LEAST_GRANTS];
  }
}
