import { newId } from '../../apps/server/src/core/ids.ts';
import { type Database, type DatabaseTarget, openDatabase, statement } from '../../apps/server/src/store/database.ts';
import { migrate } from '../../apps/server/src/store/migrate.ts';
import { DAY_MS, ensurePartitions } from '../../apps/server/src/store/partition.ts';
import { answer } from './answer.ts';

/** What one committed row costs: the same table, driver and settings as the engine's, one row at a time. */
const insert = statement(
  'bench_insert',
  `insert into message (id, environment_id, application_id, event_type, payload, matching)
   values ($1, $2, $3, $4, $5, '[]')`,
);
const environmentId = newId();
const applicationId = newId();
let db: Database | undefined;

answer({
  async open(target: DatabaseTarget) {
    db = await openDatabase(target, (error) => process.stderr.write(`${error.message}\n`));
    await migrate(db);
    await ensurePartitions(db, Date.now(), Date.now() + DAY_MS);
  },
  /** Milliseconds of each of so many, one after the other. */
  async time({ count, eventType, payload }: { count: number; eventType: string; payload: string }) {
    const took: number[] = [];
    while (took.length < count) {
      const from = performance.now();
      await db?.query(insert, [newId(), environmentId, applicationId, eventType, payload]);
      took.push(performance.now() - from);
    }
    return took;
  },
  async close() {
    await db?.close();
  },
});
