import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ChannelModel, connect } from 'amqplib';
import type { Credentials } from '../conformance/stage.ts';
import { newPlace, OwnServer, type Place, secret } from './own-server.ts';
import { freePort, freeze, ServerProcess } from './server-process.ts';

const run = promisify(execFile);
/** Not those on the path, which insist on a user of their own. */
const BIN = '/usr/lib/rabbitmq/bin';

/** Why there is no RabbitMQ to test against, or null. */
export const missing = existsSync(`${BIN}/rabbitmq-server`) ? null : 'no rabbitmq-server: scripts/brokers.sh amqp';

/** A RabbitMQ of one test file's own: a node with a name, a folder, ports and a port mapper that nothing else uses. */
export class OwnRabbit extends OwnServer {
  readonly password = secret();
  readonly #env: Record<string, string>;
  /** It would be started by the server, and stay. */
  readonly #mapper: ServerProcess;
  protected readonly process: ServerProcess;

  #frozen = 0;

  private constructor(place: Place, mapperPort: number, distPort: number) {
    super(place);
    const { port, folder } = place;
    this.#env = {
      HOME: folder,
      ERL_EPMD_PORT: String(mapperPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `postrider-${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      // Schedulers that spin while they wait would take a core from the test.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none',
    };
    const mapperArgs = ['-port', String(mapperPort), '-address', '127.0.0.1'];
    this.#mapper = new ServerProcess('epmd', mapperArgs, async () => {
      await run('epmd', ['-port', String(mapperPort), '-names']);
      return true;
    });
    this.process = new ServerProcess(`${BIN}/rabbitmq-server`, [], () => this.#answers(), this.#env);
  }

  static async start(): Promise<OwnRabbit> {
    const rabbit = new OwnRabbit(await newPlace('rabbit'), await freePort(), await freePort());
    const settings = `default_user = postrider\ndefault_pass = ${rabbit.password}\nloopback_users = none\n`;
    await writeFile(join(rabbit.folder, 'rabbitmq.conf'), settings);
    await writeFile(join(rabbit.folder, 'enabled_plugins'), '[].');
    await rabbit.#mapper.start();
    await rabbit.process.start();
    return rabbit;
  }

  url({ user = 'postrider', password = this.password }: Credentials = {}): string {
    return `amqp://${user}:${password}@127.0.0.1:${this.port}`;
  }

  connect(): Promise<ChannelModel> {
    return connect(this.url());
  }

  async control(...args: string[]): Promise<string> {
    const { stdout } = await run(`${BIN}/rabbitmqctl`, ['-q', ...args], { env: { ...process.env, ...this.#env } });
    return stdout.trim();
  }

  /** A user that may do what docs/brokers/amqp.md names. @param queues a pattern of their names. */
  async createUser(queues: string): Promise<Credentials> {
    const user = `user_${secret()}`;
    const password = secret();
    await this.control('add_user', user, password);
    const names = `^${queues}(\\.delay\\..*)?$`;
    await this.control('set_permissions', user, names, `${names}|^amq\\.default$`, names);
    return { user, password };
  }

  async removeUser({ user = '' }: Credentials): Promise<void> {
    await this.control('delete_user', user);
  }

  /** What is ours to kill is the script whose child the server is. */
  override crash(): Promise<void> {
    return this.halt();
  }

  override async freeze(): Promise<void> {
    const pid = await this.control('eval', 'list_to_integer(os:getpid()).');
    this.#frozen = Number(pid);
    await freeze(this.#frozen);
  }

  override async thaw(): Promise<void> {
    if (this.#frozen) process.kill(this.#frozen, 'SIGCONT');
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.#mapper.stop();
  }

  async #answers(): Promise<boolean> {
    const connection = await this.connect();
    await connection.close();
    return true;
  }
}
