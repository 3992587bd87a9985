import type { Uuid } from '../../src/core/ids.ts';
import type { Plan } from '../../src/core/plan.ts';
import { recordChange } from '../../src/store/change.ts';
import { openDatabase, statement } from '../../src/store/database.ts';
import type { TestDatabase } from './database.ts';

const setPlan = statement<{ id: Uuid }>('', `update environment set plan = $1 where mode = 'test' returning id`);

/** Puts the environment Test on a plan, as an operator would, by hand. The embedded database: while nobody has it open. */
export async function putOnPlan({ target }: TestDatabase, plan: Plan): Promise<void> {
  const db = await openDatabase(target, () => {});
  await db.transaction(async (tx) => {
    const rows = await tx.query(setPlan, [plan]);
    for (const { id } of rows) await recordChange(tx, { kind: 'environment', id });
  });
  await db.close();
}
