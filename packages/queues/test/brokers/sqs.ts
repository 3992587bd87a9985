import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JAVA, jarsOf, javaArgs } from './jars.ts';
import { newPlace, OwnServer } from './own-server.ts';
import { ServerProcess } from './server-process.ts';

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
export class OwnElasticMq extends OwnServer {
  protected readonly process = new ServerProcess(
    JAVA,
    javaArgs(MEGABYTES, 'org.elasticmq.server.Main'),
    () => this.#answers(),
    {
      CLASSPATH: classPath,
      JDK_JAVA_OPTIONS: `-Dconfig.file=${this.folder}/server.conf -Dlogback.configurationFile=${this.folder}/log.xml`,
    },
  );

  static async start(): Promise<OwnElasticMq> {
    const server = new OwnElasticMq(await newPlace('sqs'));
    const { folder } = server;
    const settings = {
      'node-address': { host: '127.0.0.1', port: server.port },
      'rest-sqs': { 'bind-hostname': '127.0.0.1', 'bind-port': server.port, 'sqs-limits': 'strict' },
      'queues-storage': { enabled: true, path: join(folder, 'queues.conf') },
      'messages-storage': { enabled: true, uri: `jdbc:h2:${join(folder, 'messages')}` },
    };
    await writeFile(join(folder, 'server.conf'), `include classpath("application.conf")\n${inner(settings)}`);
    await writeFile(join(folder, 'log.xml'), LOG);
    await writeFile(join(folder, 'queues.conf'), 'queues {}');
    await server.process.start();
    return server;
  }

  /** As it says itself. */
  get version(): string {
    return this.process.output.match(/ElasticMQ server \(([^)]+)\)/)?.[1] ?? '';
  }

  config(port = this.port, host = '127.0.0.1') {
    const credentials = { accessKeyId: 'anyone', secretAccessKey: 'anything' };
    return { endpoint: `http://${host}:${port}`, region: 'elasticmq', credentials };
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
