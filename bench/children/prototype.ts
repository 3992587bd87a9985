import Fastify from 'fastify';
import pg from 'pg';
import { Agent } from 'undici';
import { newDeliveryId, newId, publicId, type Uuid } from '../../apps/server/src/core/ids.ts';
import { GroupCommit } from '../../apps/server/src/group-commit.ts';
import { decodeSecret, sign } from '../../packages/webhook/src/index.ts';
import { SECRET } from '../workload.ts';
import { answer } from './answer.ts';

/**
 * The least that accepts and delivers at all, to hold the engine against: Fastify, group commit, undici, and a record of
 * each delivery. No authentication, no validation, no retry, no lease, no lanes, no address policy, no attempt rows, and a
 * table without a single index but its key.
 */
const key = decodeSecret(SECRET);

interface Message {
  readonly id: Uuid;
  readonly payload: string;
  readonly deliveries: readonly Uuid[];
}

answer({
  /** @returns where POST /v1/messages is served. */
  async start({ databaseUrl, targets }: { databaseUrl: string; targets: readonly string[] }) {
    const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
    await pool.query('create table message (id uuid primary key, payload text not null)');
    await pool.query('create table delivery (id uuid primary key, message_id uuid not null, status text not null)');
    const accepts = commits<Message>(async (batch) => {
      const deliveries = batch.flatMap((message) => message.deliveries.map((id) => ({ id, message: message.id })));
      await pool.query({
        name: 'accept',
        text: `with m as (insert into message select * from unnest($1::uuid[], $2::text[]))
               insert into delivery select *, 'SENDING' from unnest($3::uuid[], $4::uuid[])`,
        values: [
          batch.map(({ id }) => id),
          batch.map(({ payload }) => payload),
          deliveries.map(({ id }) => id),
          deliveries.map(({ message }) => message),
        ],
      });
    });
    const records = commits<Uuid>(async (ids) => {
      const text = `update delivery set status = 'SENT' where id = any($1::uuid[])`;
      await pool.query({ name: 'record', text, values: [ids] });
    });
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
      if (response.statusCode === 200) await records.submit(id);
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

function commits<Item>(flush: (batch: readonly Item[]) => Promise<void>): GroupCommit<Item, void> {
  return new GroupCommit<Item, void>({
    flush: async (batch) => {
      await flush(batch);
      return batch.map(() => undefined);
    },
    maxItems: 500,
    maxSize: 500,
    sizeOf: () => 1,
    isItemFault: () => false,
  });
}
