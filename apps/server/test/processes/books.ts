import { openDatabase, type Queryable, statement } from '../../src/store/database.ts';
import type { TestDatabase } from '../kit/database.ts';

/** What can be told from the rows alone, once every delivery has ended. Each query finds rows that must not be. */
const IMPOSSIBLE = {
  'a delivery that has not ended': `select id from delivery where status in ('PENDING', 'SENDING') or due_at is not null`,
  'an attempt count that is not the number of attempts, numbered 1 to n': `
    select id from (
      select d.id, d.attempt_count, count(a.number) as made, coalesce(max(a.number), 0) as last
      from delivery d left join attempt a on a.delivery_id = d.id group by d.id, d.attempt_count
    ) as counted where made <> attempt_count or last <> attempt_count`,
  'a delivery that is SENT, and whose last attempt is not its one success': `
    select d.id from delivery d where d.status = 'SENT' and
      (select array_agg(a.number) from attempt a
       where a.delivery_id = d.id and a.response_status between 200 and 299) is distinct from array[d.attempt_count]`,
  'a lane that counts what is not in flight': `select endpoint_id as id from lane where in_flight <> 0`,
  'a delivery without its message': `
    select d.id from delivery d where not exists (select from message m where m.id = d.message_id)`,
  'a message without the deliveries that its matching promised': `
    select m.id from message m
    where (select count(*) from delivery d where d.message_id = m.id
             and d.id between overlay(m.id::text placing '8000-000000000000' from 20)::uuid
                          and overlay(m.id::text placing 'bfff-ffffffffffff' from 20)::uuid)
       <> (select count(*) from json_array_elements(m.matching) e where (e->>'matched')::boolean)`,
};

/** Reads the rows of a database that no server is on any more (the embedded one takes one process at a time). */
export async function impossibleRows(database: TestDatabase): Promise<string[]> {
  const db = await openDatabase(database.target, (error) => {
    throw error;
  });
  try {
    return await find(db);
  } finally {
    await db.close();
  }
}

async function find(db: Queryable): Promise<string[]> {
  const found: string[] = [];
  for (const [what, sql] of Object.entries(IMPOSSIBLE)) {
    const rows = await db.query(statement<{ id: string }>('', sql), []);
    if (rows.length > 0) found.push(`${rows.length} × ${what}, for example ${rows[0]?.id}`);
  }
  return found;
}
