import type { PayloadValidation } from '../../src/core/environment.ts';
import type { Uuid } from '../../src/core/ids.ts';
import { recordChange } from '../../src/store/change.ts';
import { openDatabase, statement } from '../../src/store/database.ts';
import type { TestDatabase } from './database.ts';

const set = statement<{ id: Uuid }>(
  '',
  `update environment set strict_event_types = $1, payload_validation = $2 where mode = 'test' returning id`,
);

/** What the environment Test holds its messages against. The embedded database: while nobody has it open. */
export async function holdAgainstCatalogue(
  { target }: TestDatabase,
  settings: { readonly isStrict?: boolean; readonly validation?: PayloadValidation },
): Promise<void> {
  const db = await openDatabase(target, () => {});
  await db.transaction(async (tx) => {
    const rows = await tx.query(set, [settings.isStrict ?? false, settings.validation ?? 'off']);
    for (const { id } of rows) await recordChange(tx, { kind: 'environment', id });
  });
  await db.close();
}
