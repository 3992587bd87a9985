import Fastify from 'fastify';
import { Agent } from 'undici';
import { newDeliveryId, newId, publicId, type Uuid } from '../../apps/server/src/core/ids.ts';
import { decodeSecret, sign } from '../../packages/webhook/src/index.ts';
import { SECRET } from '../workload.ts';
import { answer } from './answer.ts';
import { type Message, openLeastStore } from './least-store.ts';

/**
 * The least that accepts and delivers at all, to hold the engine against: Fastify, group commit, undici, and a record of
 * each delivery. No authentication, no validation, no retry, no lease, no lanes, no address policy, no attempt rows, and a
 * table without a single index but its key.
 */
const key = decodeSecret(SECRET);

answer({
  /** @returns where POST /v1/messages is served. */
  async start({ databaseUrl, targets }: { databaseUrl: string; targets: readonly string[] }) {
    const { accepts, sent } = await openLeastStore(databaseUrl);
    const agent = new Agent({ connections: 512 });

    const deliver = async (message: Message, id: Uuid, target: string) => {
      const webhookId = publicId('msg', message.id);
      const timestamp = Math.floor(Date.now() / 1000);
      const { origin, pathname } = new URL(target);
      const response = await agent.request({
        origin,
        path: pathname,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Postrider/1.0',
          'webhook-id': webhookId,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': sign(key, webhookId, timestamp, message.payload),
        },
        body: message.payload,
      });
      await response.body.dump();
      if (response.statusCode === 200) await sent.submit(id);
    };

    const app = Fastify();
    app.post('/v1/messages', async (request, reply) => {
      const { payload } = request.body as { payload: unknown };
      const id = newId();
      const message = { id, payload: JSON.stringify(payload), deliveries: targets.map(() => newDeliveryId(id)) };
      await accepts.submit(message);
      for (const [n, target] of targets.entries()) void deliver(message, message.deliveries[n] ?? id, target);
      return reply.code(202).send({ id: publicId('msg', id) });
    });
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
});
