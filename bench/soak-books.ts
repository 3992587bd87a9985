import { type DatabaseTarget, openDatabase, statement } from '../apps/server/src/store/database.ts';

export interface Books {
  readonly messages: number;
  /** By status. */
  readonly honest: Readonly<Record<string, number>>;
  readonly hostile: Readonly<Record<string, number>>;
  /** Messages without the one delivery that each was to have. */
  readonly undelivered: number;
}

/** What is in a database that no engine is on any more. Every message was for one endpoint. */
export async function readBooks(target: DatabaseTarget): Promise<Books> {
  // The database is dropped right behind us, which may cut a connection that is closing.
  const db = await openDatabase(target.kind === 'embedded' ? target : { ...target, poolSize: 1 }, () => {});
  try {
    // These read everything, and the session's settings are against that.
    await db.script('reset all');
    const ask = <Row>(sql: string) => db.query(statement<Row>('', sql), []);
    const [messages] = await ask<{ n: number }>('select count(*)::integer as n from message');
    const deliveries = await ask<{ status: string; hostile: boolean; n: number }>(
      `select d.status, e.description = 'hostile' as hostile, count(*)::integer as n
       from delivery d join endpoint e on e.id = d.endpoint_id group by 1, 2`,
    );
    const [undelivered] = await ask<{ n: number }>(
      `select count(*)::integer as n from (
         select m.id from message m left join delivery d on d.message_id = m.id group by m.id having count(d.id) <> 1) as m`,
    );
    const of = (isHostile: boolean) =>
      Object.fromEntries(deliveries.filter(({ hostile }) => hostile === isHostile).map(({ status, n }) => [status, n]));
    return { messages: messages?.n ?? 0, honest: of(false), hostile: of(true), undelivered: undelivered?.n ?? 0 };
  } finally {
    await db.close();
  }
}
