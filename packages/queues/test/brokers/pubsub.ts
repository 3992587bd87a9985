import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PubSubQueueConfig } from '../../src/adapters/pubsub.ts';
import { pubsubEnds } from '../../src/adapters/pubsub-client.ts';
import type { Credentials } from '../conformance/stage.ts';
import { newPlace, OwnServer, type Place } from './own-server.ts';
import { freePort, listens, ServerProcess } from './server-process.ts';

const SERVER = join(homedir(), '.cache/postrider-brokers/pubsub');

/** Why there is no Pub/Sub to test against, or null. */
export const missing = existsSync(SERVER) ? null : 'no fake of Pub/Sub: scripts/brokers.sh pubsub';

export const PROJECT = 'postrider-test';

/** As docs/brokers/pubsub.md names them. */
export const PERMISSIONS = {
  /** With `create: false`. */
  least: ['pubsub.topics.publish', 'pubsub.subscriptions.consume', 'pubsub.subscriptions.get'],
  create: ['pubsub.topics.create', 'pubsub.topics.attachSubscription', 'pubsub.subscriptions.create'],
};

interface User {
  readonly email: string;
  readonly publicKey: string;
  readonly permissions: readonly string[];
}

/** Google's fake of Pub/Sub, of one test file's own: see pubsub/main.go. */
export class OwnPubSub extends OwnServer {
  /** Without TLS and accounts, as an emulator. */
  readonly plainPort: number;
  protected readonly process: ServerProcess;
  readonly #users: User[] = [];
  #ca = '';
  #credentials = '';

  private constructor(place: Place, plainPort: number) {
    super(place);
    this.plainPort = plainPort;
    const args = ['-port', `${place.port}`, '-plain-port', `${plainPort}`, '-folder', place.folder];
    this.process = new ServerProcess(SERVER, args, () => listens(this.port));
  }

  static async start(): Promise<OwnPubSub> {
    const server = new OwnPubSub(await newPlace('pubsub'), await freePort());
    const { credentials } = await server.createUser();
    server.#credentials = credentials ?? '';
    await server.process.start();
    server.#ca = await readFile(join(server.folder, 'ca.pem'), 'utf8');
    return server;
  }

  /** Of the fake's module. */
  static async version(): Promise<string> {
    const text = await readFile(new URL('./pubsub/go.mod', import.meta.url), 'utf8');
    return text.match(/pubsub\/v2 (\S+)/)?.[1] ?? '';
  }

  /** For the account that may do what an adapter has to, unless told. */
  config(queue: string, { credentials }: Credentials = {}): PubSubQueueConfig {
    return {
      project: PROJECT,
      queue,
      endpoint: `localhost:${this.port}`,
      ca: this.#ca,
      credentials: credentials ?? this.#credentials,
    };
  }

  /** Where everybody may do anything. */
  plain(): { project: string; endpoint: string; plaintext: true } {
    return { project: PROJECT, endpoint: `127.0.0.1:${this.plainPort}`, plaintext: true };
  }

  /** Google's own client. */
  async admin() {
    const ends = pubsubEnds(this.plain(), 'projects/p/subscriptions/none', () => {});
    const client = await ends.open();
    return { ...client, close: () => ends.shut(client) };
  }

  /** An account, and its key file. */
  async createUser(permissions = [...PERMISSIONS.least, ...PERMISSIONS.create]): Promise<Credentials> {
    const email = `user-${randomBytes(4).toString('hex')}@${PROJECT}.iam.gserviceaccount.com`;
    const { key, publicKey } = keyFile(email);
    this.#users.push({ email, publicKey, permissions });
    await this.#write();
    return { email, credentials: key };
  }

  async removeUser({ email }: Credentials): Promise<void> {
    const at = this.#users.findIndex((each) => each.email === email);
    this.#users.splice(at, 1);
    await this.#write();
  }

  /** The fake keeps nothing on a disk: it stays, and its port is shut, and its connections are broken. */
  override async halt(): Promise<void> {
    this.process.signal('SIGUSR1');
    while (await listens(this.port)) await pause(5);
  }

  override async resume(): Promise<void> {
    this.process.signal('SIGUSR2');
    while (!(await listens(this.port))) await pause(5);
  }

  /** It is read with every call. */
  async #write(): Promise<void> {
    const file = join(this.folder, 'users.json');
    await writeFile(`${file}.new`, JSON.stringify(this.#users));
    await rename(`${file}.new`, file);
  }
}

/** As Google hands it out. */
export function keyFile(email: string): { key: string; publicKey: string } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const key = {
    type: 'service_account',
    project_id: PROJECT,
    private_key_id: randomBytes(20).toString('hex'),
    private_key: privateKey,
    client_email: email,
  };
  return { key: JSON.stringify(key), publicKey };
}
