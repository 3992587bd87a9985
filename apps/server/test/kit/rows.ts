import { openDatabase, statement } from '../../src/store/database.ts';
import type { TestDatabase } from './database.ts';

/** Runs SQL on a database beside whatever servers are on it; on the embedded one there must be none. */
export async function inRows(database: TestDatabase, sql: string): Promise<object[]> {
  const db = await openDatabase(database.target, (error) => {
    throw error;
  });
  try {
    return await db.query(statement<object>('', sql), []);
  } finally {
    await db.close();
  }
}
