import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AzureQueueConfig } from '../../src/adapters/azure.ts';
import type { Credentials } from '../conformance/stage.ts';
import { newPlace, OwnServer, secret } from './own-server.ts';
import { listens, ServerProcess } from './server-process.ts';
import type { Policy, Right } from './servicebus/claims.ts';
import type { QueueSettings } from './servicebus/queue.ts';

const SCRIPT = fileURLToPath(new URL('./servicebus/main.ts', import.meta.url));
/** The lock duration of its queues. */
const LOCK_SECONDS = 15;

export const STAND_IN = 'stand-in (AMQP 1.0)';

/** Our stand-in for Azure Service Bus, of one test file's own: see servicebus/main.ts. */
export class OwnServiceBus extends OwnServer {
  protected readonly process = new ServerProcess(
    process.execPath,
    [SCRIPT, '--port', `${this.port}`, '--folder', this.folder],
    () => listens(this.port),
  );
  readonly #policies: Record<string, Policy> = { postrider: { key: secret(), rights: ['Send', 'Listen'] } };
  readonly #queues: Record<string, Partial<QueueSettings>> = {};
  readonly #topics: Record<string, Record<string, Partial<QueueSettings>>> = {};

  static async start(): Promise<OwnServiceBus> {
    const server = new OwnServiceBus(await newPlace('servicebus'));
    await server.#write();
    await server.process.start();
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

  /** It reads them with every token, and with every link. */
  async #write(): Promise<void> {
    const files = { keys: this.#policies, entities: { queues: this.#queues, topics: this.#topics } };
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.folder, `${name}.json`);
      await writeFile(`${file}.new`, JSON.stringify(content));
      await rename(`${file}.new`, file);
    }
  }
}

export function connectionString(host: string, port: number, user = 'postrider', key = 'none'): string {
  const endpoint = `Endpoint=sb://${host}:${port}`;
  return `${endpoint};SharedAccessKeyName=${user};SharedAccessKey=${key};UseDevelopmentEmulator=true`;
}
