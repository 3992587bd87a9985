import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import type { Credentials } from '../conformance/stage.ts';
import { newPlace, OwnServer, secret } from './own-server.ts';
import { ServerProcess } from './server-process.ts';

const SERVER = '/usr/sbin/nats-server';

/** Why there is no NATS to test against, or null. */
export const missing = existsSync(SERVER) ? null : 'no nats-server: scripts/brokers.sh nats';

interface User {
  readonly user: string;
  readonly password: string;
  readonly permissions?: object;
}

/** As docs/brokers/nats.md names them. @param stream its name, or `*`. */
export function leastGrants(stream: string) {
  return {
    publish: [
      stream,
      ...['STREAM.INFO', 'STREAM.CREATE'].map((call) => `$JS.API.${call}.${stream}`),
      ...['CONSUMER.INFO', 'CONSUMER.DURABLE.CREATE', 'CONSUMER.MSG.NEXT'].map(
        (call) => `$JS.API.${call}.${stream}.postrider`,
      ),
      `$JS.API.CONSUMER.CREATE.${stream}.postrider`,
      `$JS.ACK.${stream}.postrider.>`,
    ],
    subscribe: ['_INBOX.>'],
  };
}

/** A NATS with JetStream of one test file's own. */
export class OwnNats extends OwnServer {
  /** The first may do anything. */
  readonly #users: User[] = [{ user: 'admin', password: secret() }];
  protected readonly process = new ServerProcess(SERVER, ['-c', join(this.folder, 'nats.conf')], () =>
    this.#lets(this.#users[0]),
  );

  static async start(): Promise<OwnNats> {
    const nats = new OwnNats(await newPlace('nats'));
    nats.#users.push({ user: 'postrider', password: secret(), permissions: leastGrants('*') });
    await nats.#configure();
    await nats.process.start();
    return nats;
  }

  /** As a user that may do no more than an adapter has to, unless told. */
  url({ user = 'postrider', password }: Credentials = {}): string {
    const known = this.#users.find((each) => each.user === user);
    return `nats://${user}:${password ?? known?.password}@127.0.0.1:${this.port}`;
  }

  async version(): Promise<string> {
    const connection = await this.connect();
    const version = connection.info?.version ?? '';
    await connection.close();
    return version;
  }

  /** As a user that may do anything. */
  connect(user: User | undefined = this.#users[0]) {
    const servers = `127.0.0.1:${this.port}`;
    return connect({ servers, user: user?.user ?? '', pass: user?.password ?? '', reconnect: false, tls: null });
  }

  async createUser(stream = '*'): Promise<Credentials> {
    const made = { user: `user_${secret()}`, password: secret(), permissions: leastGrants(stream) };
    this.#users.push(made);
    await this.#reload();
    while (!(await this.#lets(made))) await new Promise(setImmediate);
    return { user: made.user, password: made.password };
  }

  async removeUser({ user }: Credentials): Promise<void> {
    const at = this.#users.findIndex((each) => each.user === user);
    const [gone] = this.#users.splice(at, 1);
    await this.#reload();
    while (await this.#lets(gone)) await new Promise(setImmediate);
  }

  async #lets(user: User | undefined): Promise<boolean> {
    const connection = await this.connect(user).catch(() => null);
    await connection?.close();
    return connection !== null;
  }

  async #reload(): Promise<void> {
    await this.#configure();
    this.process.signal('SIGHUP');
  }

  /** JSON is what its own format calls a special case. */
  async #configure(): Promise<void> {
    const settings = {
      host: '127.0.0.1',
      port: this.port,
      jetstream: { store_dir: this.folder },
      authorization: { users: this.#users },
    };
    await writeFile(join(this.folder, 'nats.conf'), JSON.stringify(settings));
  }
}
