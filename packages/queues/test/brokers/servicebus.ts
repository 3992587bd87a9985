import { randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AzureQueueConfig } from '../../src/adapters/azure.ts';
import type { Credentials } from '../conformance/stage.ts';
import { freePort, freeze, ServerProcess } from './server-process.ts';

/** The lock duration of its queues. */
const LOCK_SECONDS = 15;

/** Our stand-in for Azure Service Bus, of one test file's own: see servicebus/main.ts. */
export class OwnServiceBus {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ServerProcess;
  readonly #keys: Record<string, string> = { postrider: secret() };

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

  config(queue: string, { user = 'postrider', key }: Credentials = {}): AzureQueueConfig {
    return {
      connectionString: connectionString('127.0.0.1', this.port, user, key ?? this.#keys[user]),
      queue,
      leaseSeconds: LOCK_SECONDS,
    };
  }

  /** A name and its key. */
  async createUser(): Promise<Credentials> {
    const user = `user-${secret()}`;
    this.#keys[user] = secret();
    await this.#write();
    return { user, key: this.#keys[user] };
  }

  async removeUser({ user = '' }: Credentials): Promise<void> {
    delete this.#keys[user];
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

  /** It is read with every token. */
  async #write(): Promise<void> {
    const file = join(this.#folder, 'keys.json');
    await writeFile(`${file}.new`, JSON.stringify(this.#keys));
    await rename(`${file}.new`, file);
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
