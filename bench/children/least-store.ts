import pg from 'pg';
import type { Uuid } from '../../apps/server/src/core/ids.ts';
import { GroupCommit } from '../../apps/server/src/group-commit.ts';
import { textArray, uuidArray } from '../../apps/server/src/store/array.ts';

export interface Message {
  readonly id: Uuid;
  readonly payload: string;
  readonly deliveries: readonly Uuid[];
}

/** The least that keeps messages and how their deliveries ended: two tables without a single index but their keys. */
export async function openLeastStore(databaseUrl: string) {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
  await pool.query('create table message (id uuid primary key, payload text not null)');
  await pool.query('create table delivery (id uuid primary key, message_id uuid not null, status text not null)');
  return {
    accepts: commits<Message>(0, async (batch) => {
      const deliveries = batch.flatMap((message) => message.deliveries.map((id) => ({ id, message: message.id })));
      await pool.query({
        name: 'accept',
        text: `with m as (insert into message select * from unnest($1::uuid[], $2::text[]))
               insert into delivery select *, 'SENDING' from unnest($3::uuid[], $4::uuid[])`,
        values: [
          uuidArray(batch, ({ id }) => id),
          textArray(batch, ({ payload }) => payload),
          uuidArray(deliveries, ({ id }) => id),
          uuidArray(deliveries, ({ message }) => message),
        ],
      });
    }),
    sent: commits<Uuid>(5, async (ids) => {
      const text = `update delivery set status = 'SENT' where id = any($1::uuid[])`;
      await pool.query({ name: 'record', text, values: [uuidArray(ids, (id) => id)] });
    }),
  };
}

function commits<Item>(pauseMs: number, flush: (batch: readonly Item[]) => Promise<void>): GroupCommit<Item, void> {
  return new GroupCommit<Item, void>({
    flush: async (batch) => {
      await flush(batch);
      return batch.map(() => undefined);
    },
    maxItems: 500,
    maxSize: 500,
    sizeOf: () => 1,
    isItemFault: () => false,
    pauseMs,
  });
}
