import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, OwnKafka } from '../../../../../packages/queues/test/brokers/kafka.ts';
import { Publishers } from '../../../src/brokers/publishers.ts';
import { exempting, STRICT } from '../../egress/stage.ts';

/** Somebody's server outside, which tells its clients to go on to an address inside. */
describe.skipIf(missing !== null)(
  missing === null ? 'what a Kafka tells of other servers' : `kafka: ${missing}`,
  () => {
    let server: OwnKafka;
    const sockets = new Set<Socket>();
    const front = createServer((socket) => {
      const back = connect(server.port, '127.0.0.1');
      for (const each of [socket, back]) sockets.add(each.on('error', () => {}));
      socket.pipe(back).pipe(socket);
    });

    beforeAll(async () => {
      server = await OwnKafka.start();
      await once(front.listen(0, '127.0.0.1'), 'listening');
    }, 120_000);
    afterAll(async () => {
      for (const socket of sockets) socket.destroy();
      front.close();
      await server?.stop();
    });

    test('is held to the address policy like what its owner told of it', async () => {
      const admin = server.admin();
      await admin.createTopics({ topics: ['events'], partitions: 1, replicas: 1 });
      await admin.close();
      const address = front.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      const config = {
        brokers: `127.0.0.1:${port}`,
        topic: 'events',
        sasl_mechanism: 'scram-sha-256',
        username: 'admin',
        password: server.password,
        tls: false,
      };
      const publish = async (allow: string) => {
        const publishers = new Publishers({ policy: { ...STRICT, exempt: exempting(allow) } });
        try {
          await publishers.publish({ id: 'a', type: 'kafka', config }, { body: '{}' });
          return 'published';
        } catch (error) {
          return String(error);
        } finally {
          await publishers.close();
        }
      };
      expect(await publish(`127.0.0.1:${port}`)).toBe('EgressError: private_address 127.0.0.1');
      expect(await publish(`127.0.0.1:${port} 127.0.0.1:${server.port}`)).toBe('published');
    });
  },
);
