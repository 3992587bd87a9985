import { randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AzureQueueConfig } from '../../src/adapters/azure.ts';
import type { Credentials } from '../conformance/stage.ts';
import { freePort, freeze, ServerProcess } from './server-process.ts';
import type { Policy, Right } from './servicebus/claims.ts';
import type { QueueSettings } from './servicebus/queue.ts';

/** The lock duration of its queues. */
const LOCK_SECONDS = 15;

export const STAND_IN = 'stand-in (AMQP 1.0)';

/** Our stand-in for Azure Service Bus, of one test file's own: see servicebus/main.ts. */
export class OwnServiceBus {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ServerProcess;
  readonly #policies: Record<string, Policy> = { postrider: { key: secret(), rights: ['Send', 'Listen'] } };
  readonly #queues: Record<string, Partial<QueueSettings>> = {};
  readonly #topics: Record<string, Record<string, Partial<QueueSettings>>> = {};

  private constructor(folder: string, port: number) {
    this.port = port;
    this.#folder = folder;
    const script = fileURLToPath(new URL('./servicebus/main.ts', import.meta.url));
    const args = [script, '--port', `${port}`, '--folder', folder];
    this.#process = new ServerProcess(process.execPath, args, () => this.#listens());
  }

  static async start(): Promise<OwnServiceBus> {
    const folder = await mkdtemp(join(tmpdir(), 'postrider-servicebus-'));
    const server = new OwnServiceBus(folder, await freePort());
    await server.#write();
    await server.#process.start();
    return server;
  }

  async createQueue(name: string, settings: Partial<QueueSettings> = {}): Promise<void> {
    this.#queues[name] = { lockMs: LOCK_SECONDS * 1_000, ...settings };
    await this.#write();
  }

  async removeQueue(name: string): Promise<void> {
    delete this.#queues[name];
    await this.#write();
  }

  async createTopic(name: string, subscriptions: readonly string[]): Promise<void> {
    const settings = { lockMs: LOCK_SECONDS * 1_000 };
    this.#topics[name] = Object.fromEntries(subscriptions.map((each) => [each, settings]));
    await this.#write();
  }

  config(queue: string, { user = 'postrider', key }: Credentials = {}): AzureQueueConfig {
    return {
      connectionString: connectionString('127.0.0.1', this.port, user, key ?? this.#policies[user]?.key),
      queue,
      leaseSeconds: LOCK_SECONDS,
    };
  }

  /** A shared access policy: its name and key. */
  async createUser(rights: readonly Right[] = ['Send', 'Listen']): Promise<Credentials> {
    const [user, key] = [`user-${secret()}`, secret()];
    this.#policies[user] = { key, rights };
    await this.#write();
    return { user, key };
  }

  async removeUser({ user = '' }: Credentials): Promise<void> {
    delete this.#policies[user];
    await this.#write();
  }

  halt(): Promise<void> {
    return this.#process.stop();
  }

  resume(): Promise<void> {
    return this.#process.start();
  }

  freeze(): Promise<void> {
    return freeze(this.#process.pid);
  }

  async thaw(): Promise<void> {
    this.#process.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** It reads them with every token, and with every link. */
  async #write(): Promise<void> {
    const files = { keys: this.#policies, entities: { queues: this.#queues, topics: this.#topics } };
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.#folder, `${name}.json`);
      await writeFile(`${file}.new`, JSON.stringify(content));
      await rename(`${file}.new`, file);
    }
  }

  #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.on('error', () => resolve(false));
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
    });
  }
}

export function connectionString(host: string, port: number, user = 'postrider', key = 'none'): string {
  const endpoint = `Endpoint=sb://${host}:${port}`;
  return `${endpoint};SharedAccessKeyName=${user};SharedAccessKey=${key};UseDevelopmentEmulator=true`;
}

function secret(): string {
  return randomBytes(8).toString('hex');
}
