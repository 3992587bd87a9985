import { execFile } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  AclOperations,
  AclPermissionTypes,
  Admin,
  alterUserScramCredentialsV0,
  ResourcePatternTypes,
  ResourceTypes,
  ScramMechanisms,
} from '@platformatic/kafka';
import type { Credentials } from '../conformance/stage.ts';
import { JAVA, jarsOf, javaArgs } from './jars.ts';
import { newPlace, OwnServer, secret } from './own-server.ts';
import { freePort, ServerProcess } from './server-process.ts';

const run = promisify(execFile);
const { classPath, missing: noKafka } = jarsOf('kafka');
const MEGABYTES = 384;
const ITERATIONS = 4_096;

/** Why there is no Kafka to test against, or null. */
export const missing = noKafka;

/** As docs/brokers/kafka.md names them. @param topic its name, or null for all. */
function leastGrants(user: string, topic: string | null) {
  const to = (resourceType: 2 | 3, resourceName: string, operations: (keyof typeof AclOperations)[]) =>
    operations.map((operation) => ({
      resourceType,
      resourceName: topic === null ? '*' : resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: `User:${user}`,
      host: '*',
      operation: AclOperations[operation],
      permissionType: AclPermissionTypes.ALLOW,
    }));
  return [
    ...to(ResourceTypes.TOPIC, topic ?? '', ['READ', 'WRITE', 'CREATE']),
    ...to(ResourceTypes.GROUP, `postrider-${topic}`, ['READ']),
  ];
}

/** A Kafka of one test file's own: broker and controller in one, with SCRAM users and access lists. */
export class OwnKafka extends OwnServer {
  readonly password = secret();
  /** As it says itself. */
  version = '';
  readonly #file = join(this.folder, 'server.properties');
  protected readonly process = new ServerProcess(
    JAVA,
    javaArgs(MEGABYTES, 'kafka.Kafka', this.#file),
    () => this.#answers(),
    { CLASSPATH: classPath },
  );

  static async start(): Promise<OwnKafka> {
    const kafka = new OwnKafka(await newPlace('kafka'));
    const controller = await freePort();
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `SASL_PLAINTEXT://127.0.0.1:${kafka.port},CONTROLLER://127.0.0.1:${controller}`,
      'listener.security.protocol.map': 'SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'SASL_PLAINTEXT',
      'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
      'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-256',
      'listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="${kafka.password}";`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:admin;User:ANONYMOUS',
      'log.dirs': join(kafka.folder, 'data'),
      'auto.create.topics.enable': false,
      'offsets.topic.replication.factor': 1,
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.replication.factor': 1,
      'share.coordinator.state.topic.replication.factor': 1,
      // A server in use waits three seconds for the rest of a new group.
      'group.initial.rebalance.delay.ms': 0,
      'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    };
    await writeFile(
      kafka.#file,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    const user = `SCRAM-SHA-256=[name=admin,password=${kafka.password}]`;
    const id = `--cluster-id=${randomBytes(16).toString('base64url')}`;
    const format = javaArgs(MEGABYTES, 'kafka.tools.StorageTool', 'format', id, '-c', kafka.#file, '--add-scram', user);
    await run(JAVA, format, { env: { ...process.env, CLASSPATH: classPath } });
    await kafka.process.start();
    kafka.version = kafka.process.output.match(/Kafka version: ([\w.-]+)/)?.[1] ?? '';
    return kafka;
  }

  /** As a user that may do anything, unless told. */
  config({ user = 'admin', password = this.password }: Credentials = {}) {
    return {
      brokers: `127.0.0.1:${this.port}`,
      sasl: { mechanism: 'scram-sha-256' as const, username: user, password },
    };
  }

  /** The same, for a client that is not ours. */
  client(clientId: string) {
    const sasl = { mechanism: 'SCRAM-SHA-256' as const, username: 'admin', password: this.password };
    return { clientId, bootstrapBrokers: [`127.0.0.1:${this.port}`], sasl };
  }

  admin(): Admin {
    return new Admin({ ...this.client('test'), retries: 0 });
  }

  /** A user that may do what docs/brokers/kafka.md names. @param topic its name; any unless told. */
  async createUser(topic: string | null = null): Promise<Credentials> {
    const user = `user_${secret()}`;
    const password = secret();
    await this.#setPassword(user, password);
    const admin = this.admin();
    await admin.createAcls({ creations: leastGrants(user, topic) });
    await admin.close();
    return { user, password };
  }

  /**
   * Shuts a user out by a password that nobody knows. Not by removing it: a Kafka 4.3.1 that starts on a log with a removed
   * user forgets some of the others, the administrator too.
   */
  removeUser({ user = '' }: Credentials): Promise<void> {
    return this.#setPassword(user, secret());
  }

  async #setPassword(name: string, password: string): Promise<void> {
    const salt = randomBytes(16);
    const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
    const mechanism = ScramMechanisms.SCRAM_SHA_256;
    const admin = this.admin();
    const [connection] = (await admin.connectToBrokers()).values();
    if (!connection) throw new Error('kafka gave no connection');
    const user = { name, mechanism, iterations: ITERATIONS, salt, saltedPassword };
    await alterUserScramCredentialsV0.api.async(connection, [], [user]);
    await admin.close();
  }

  async #answers(): Promise<boolean> {
    const admin = this.admin();
    try {
      await admin.listTopics({});
      return true;
    } finally {
      await admin.close();
    }
  }
}
