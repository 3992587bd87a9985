import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JAVA, jarsOf, javaArgs } from './jars.ts';
import { freePort, freeze, ServerProcess } from './server-process.ts';

const { classPath, missing: noElasticMq } = jarsOf('sqs');
const MEGABYTES = 256;

/** Why there is no stand-in for Amazon SQS to test against, or null. */
export const missing = noElasticMq;

/** No more than how it begins, with its version. */
const LOG = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%msg%n</pattern></encoder></appender>
  <root level="OFF"/>
  <logger name="org.elasticmq.server.Main$" level="INFO"><appender-ref ref="OUT"/></logger>
</configuration>`;

/** An ElasticMQ of one test file's own, with SQS's interface and limits; it knows no users. */
export class OwnElasticMq {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ServerProcess;

  private constructor(folder: string, port: number) {
    this.port = port;
    this.#folder = folder;
    const args = javaArgs(MEGABYTES, 'org.elasticmq.server.Main');
    const options = `-Dconfig.file=${join(folder, 'server.conf')} -Dlogback.configurationFile=${join(folder, 'log.xml')}`;
    const env = { CLASSPATH: classPath, JDK_JAVA_OPTIONS: options };
    this.#process = new ServerProcess(JAVA, args, () => this.#answers(), env);
  }

  static async start(): Promise<OwnElasticMq> {
    const folder = await mkdtemp(join(tmpdir(), 'postrider-sqs-'));
    const server = new OwnElasticMq(folder, await freePort());
    const settings = {
      'node-address': { host: '127.0.0.1', port: server.port },
      'rest-sqs': { 'bind-hostname': '127.0.0.1', 'bind-port': server.port, 'sqs-limits': 'strict' },
      'queues-storage': { enabled: true, path: join(folder, 'queues.conf') },
      'messages-storage': { enabled: true, uri: `jdbc:h2:${join(folder, 'messages')}` },
    };
    await writeFile(join(folder, 'server.conf'), `include classpath("application.conf")\n${inner(settings)}`);
    await writeFile(join(folder, 'log.xml'), LOG);
    await writeFile(join(folder, 'queues.conf'), 'queues {}');
    await server.#process.start();
    return server;
  }

  /** As it says itself. */
  get version(): string {
    return this.#process.output.match(/ElasticMQ server \(([^)]+)\)/)?.[1] ?? '';
  }

  config(port = this.port, host = '127.0.0.1') {
    const credentials = { accessKeyId: 'anyone', secretAccessKey: 'anything' };
    return { endpoint: `http://${host}:${port}`, region: 'elasticmq', credentials };
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

  async #answers(): Promise<boolean> {
    const { ok } = await fetch(`http://127.0.0.1:${this.port}/?Action=ListQueues`);
    return ok;
  }
}

/** JSON is what its own format calls a special case, but for the braces around all. */
function inner(settings: object): string {
  return JSON.stringify(settings, null, 1).slice(1, -1);
}
