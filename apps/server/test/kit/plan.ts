import type { Plan } from '../../src/core/plan.ts';
import { postrider } from './command-line.ts';
import type { TestDatabase } from './database.ts';
import { newKey, settings } from './postrider.ts';

/** Puts the environment Test on a plan, as an operator does. The embedded database: while nobody has it open. */
export async function putOnPlan(database: TestDatabase, plan: Plan): Promise<void> {
  const { code, complaints } = await postrider(
    `environments plan --name Test --plan ${plan}`,
    settings(database, newKey()),
  );
  if (code !== 0) throw new Error(complaints.join('\n'));
}
